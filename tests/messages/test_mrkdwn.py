import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from bridge.messages.mrkdwn import (
    MAX_ESCAPED,
    cut,
    escaped,
    json_bytes,
    map_words,
    plain_text,
    sanitize,
    split_text,
    unformatted,
    utf16_length,
    visible,
)

TEXTS = st.lists(
    st.sampled_from(
        [
            "&amp;",
            "&lt;",
            "<https://e.example|la bel>",
            "<@U1>",
            "<!date^1^{time}|x>",
            "a",
            "b ",
            "\n",
            "```",
            "🎉",
            "👩‍👩‍👧",
            "é",
        ]
    )
    | st.text("abc é€😀 \n", max_size=5),
    max_size=60,
).map("".join)
TOKEN = re.compile(r"<[^<>\n]*>|&(?:amp|lt|gt);")


def test_a_character_outside_the_first_plane_is_two_units() -> None:
    assert utf16_length("a€😀") == 4
    assert json_bytes('"😀\n') == 2 + 4 + 2


def test_visible_length_counts_what_a_reader_sees() -> None:
    assert visible("a &amp; <https://e.example|label> <!date^1^{time}|10:00>") == len("a & label 10:00")


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("hello world again", 13, "hello world…"),
        ("ab&amp;cd", 6, "ab…"),
        ("ab<@U1>cd", 5, "ab…"),
        ("😀😀😀", 5, "😀😀…"),
        ("👩‍👩‍👧x" * 2, 10, "👩‍👩‍👧x…"),
        ("e\u0301e\u0301e\u0301", 4, "e\u0301…"),
        ("🇩🇪🇫🇷", 6, "🇩🇪…"),
        ("<https://e.example|a long label>", 24, "<https://e.example|a l>…"),
    ],
)
def test_cutting_leaves_every_token_whole(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(0, 80), st.sampled_from([utf16_length, json_bytes, visible]))
def test_a_cut_text_fits_and_holds_whole_tokens_only(text: str, limit: int, measure: object) -> None:
    assert callable(measure)
    kept = cut(text, limit, measure)
    assert measure(kept) <= limit
    assert set("<>") & set(TOKEN.sub("", kept)) <= set("<>") & set(TOKEN.sub("", text))
    assert not re.search(r"&(?!amp;|lt;|gt;)", kept)
    assert not kept.endswith("\u200d")


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(60, 200))
def test_pieces_fit_and_nothing_but_white_space_is_lost(text: str, limit: int) -> None:
    parts = list(split_text(text, limit))
    assert all(0 < utf16_length(part) <= limit for part in parts)
    assert all(part.count("```") % 2 == 0 for part in parts[:-1])
    assert "".join("".join(parts).replace("`", "").split()) == "".join(text.replace("`", "").split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*bold* _it_ ~st~ `co`", "∗bold∗ ˍitˍ ∼st∼ ˋcoˋ"),
        ("snake_case 2*3", "snake_case 2*3"),
        ("> quote\n > more", "\u00ad> quote\n \u00ad> more"),
        ("a > b", "a > b"),
        ("~$5k … ~$7k", "∼$5k … ∼$7k"),
    ],
)
def test_neutral_text_formats_nothing(text: str, expected: str) -> None:
    assert unformatted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x00b\x1b[31m\x7f\x9b", "ab[31m"),
        ("a\r\nb\tc\u2028d", "a\nb c\nd"),
        ("\u202egnp.exe \ud800", "gnp.exe "),
        ("@here @Channel @everyone @group @hereby", "@\u2060here @\u2060Channel @\u2060everyone @\u2060group @hereby"),
        ("<https://e.example/@here|@here>", "<https://e.example/@here|@\u2060here>"),
        ("<!here> <@U1>", "<!here> <@U1>"),
    ],
)
def test_unsafe_characters_are_removed(text: str, expected: str) -> None:
    assert sanitize(text) == expected


def test_words_and_their_escapes_are_inverse() -> None:
    text = "<a> & \"b\" 'c' &amp; &#34;"
    assert escaped(text) == "&lt;a&gt; &amp; \"b\" 'c' &amp;amp; &amp;#34;"
    assert plain_text(escaped(text)) == text
    assert plain_text(Markup("<https://e.example|A &amp; B> <!date^1^{time}|now> <!here>")) == "A & B now "


def test_a_change_of_words_never_sees_more_of_a_value_than_can_be_shown() -> None:
    seen: list[int] = []

    def change(text: str) -> str:
        seen.append(len(text))
        return text

    assert map_words("x" * MAX_ESCAPED, change) == "x" * MAX_ESCAPED
    map_words("\n" * 1_000_000, change)
    assert seen == [MAX_ESCAPED, MAX_ESCAPED]
