"""Phrases of words.toml."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from bridge.messages.phrases import PhraseError, phrase


@pytest.mark.parametrize(
    ("text", "parts", "expected"),
    [
        ("payout was paid", {}, "Payout was paid"),
        ("payout of {amount}", {"amount": "€5"}, "Payout of €5"),
        ("{who} paid", {"who": "ada"}, "ada paid"),
        ("payout[ of {amount}] was paid", {"amount": ""}, "Payout was paid"),
        ("payout[ of {amount} to {who}] was paid", {"amount": "€5", "who": ""}, "Payout was paid"),
        ("[to {who}|to somebody]", {"who": "Ada"}, "To Ada"),
        ("[to {who}|to somebody]", {"who": None}, "To somebody"),
        ("[{card}|payment source] was removed", {"card": ""}, "Payment source was removed"),
        ("[{card}|payment source] was removed", {"card": "visa 4242"}, "visa 4242 was removed"),
        ("{number} open", {"number": 0}, "0 open"),
        ("", {"who": "Ada"}, ""),
        ("braces {{ }} stay", {}, "Braces { } stay"),
    ],
)
def test_a_phrase_is_filled_in(text: str, parts: dict[str, object], expected: str) -> None:
    assert phrase(text, **parts) == expected


def test_a_missing_phrase_is_nothing() -> None:
    assert phrase() == ""
    assert phrase(None) == ""


def test_its_own_formatting_stays_and_that_of_a_part_does_not() -> None:
    assert phrase("payment *failed*: {why}", why="*not* <you>") == "Payment *failed*: ∗not∗ &lt;you&gt;"


def test_a_link_as_a_part_stays() -> None:
    shown = Markup("<https://example.com|invoice *7*>")
    assert phrase("paid {invoice}", invoice=shown) == f"Paid {shown}"


def test_an_unknown_part_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(PhraseError, match=r"names \{whom\}, and the parts here are \{amount\}, \{who\}"):
        phrase("paid[ by {whom}]", who="Ada", amount="5")


@pytest.mark.parametrize("text", ["{", "}", "{who", "a } b"])
def test_a_broken_phrase_is_an_error(text: str) -> None:
    with pytest.raises(PhraseError, match="cannot be read"):
        phrase(text, who="Ada")


@pytest.mark.parametrize("text", ["{}", "{who!r}", "{who:>9}", "{who:{who}}"])
def test_braces_hold_a_name_and_no_format(text: str) -> None:
    with pytest.raises(PhraseError, match=r"may only have the name of a part"):
        phrase(text, who="Ada")


def test_a_part_is_not_a_phrase() -> None:
    assert phrase("by {who}", who="{amount} [x|y]", amount="5") == "By {amount} [x|y]"


def test_a_part_of_empty_lines_costs_what_other_text_costs() -> None:
    assert phrase("{text}", text="\n" * 300_000 + "x") == ""  # hours, if each line start looked at all lines after it


@pytest.mark.thorough
@given(st.text(max_size=60), st.text(max_size=30))
def test_any_phrase_gives_text_or_the_named_error(text: str, value: str) -> None:
    try:
        shown = phrase(text, who=value)
    except PhraseError:
        return
    assert isinstance(shown, Markup)


@given(st.text(max_size=60))
def test_no_part_makes_a_tag(value: str) -> None:
    shown = phrase("from {who}", who=value)
    assert "<" not in shown
    assert ">" not in shown
