"""words.toml: read, laid over the packaged file, and imported by templates."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.diagnostics import Problem
from bridge.messages.compiling import load_templates
from bridge.messages.render import render
from bridge.messages.templates import Templates
from bridge.messages.words import WordFile, read_words
from bridge.samples import SAMPLE_TIME, sample_event, samples

PACKAGED = """
[titles]
"invoice.paid" = "invoice was paid"
"invoice.voided" = "invoice was voided"

[states]
past_due = "past due"
"""
TEMPLATE = """{% from "stripe/words.toml" import titles, states %}
{% extends "message.j2" %}
{% block title %}{{ phrase(titles[event.type]) }}, {{ states.past_due }}{% endblock %}
"""
FRAME = Path(__file__).parents[2] / "templates" / "message.j2"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder of packaged templates and an empty one of the operator."""
    packaged, own = tmp_path / "packaged", tmp_path / "own"
    for folder in (packaged, own):
        (folder / "stripe").mkdir(parents=True)
    (packaged / "message.j2").write_text(FRAME.read_text())
    (packaged / "default.j2").write_text("")
    (packaged / "stripe" / "invoice.j2").write_text(TEMPLATE)
    (packaged / "stripe" / "words.toml").write_text(PACKAGED)
    return packaged, own


def _message(templates: Templates) -> str:
    rendered = render(sample_event(samples()["stripe/invoice.paid"], "stripe", SAMPLE_TIME), templates)
    assert not rendered.error, rendered.error
    assert rendered.message
    return rendered.message.text


def test_a_template_imports_the_words(folders: tuple[Path, Path]) -> None:
    assert _message(load_templates(None, {}, packaged=folders[0])) == "Invoice was paid, past due"


def test_the_operators_file_changes_single_words(folders: tuple[Path, Path]) -> None:
    packaged, own = folders
    (own / "stripe" / "words.toml").write_text('[titles]\n"invoice.paid" = "money came in: \\"yes\\" {{ %}} é"\n')
    assert _message(load_templates(own, {}, packaged=packaged)) == 'Money came in: "yes" { %} é, past due'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("titles = 5", "titles must be a table"),
        ('[titles]\n"invoice.paid" = 5', "titles.invoice.paid must be a text in quotes"),
        ('[titles."invoice.paid"]\nx = "y"', "titles.invoice.paid must be a text"),
        ('[titles]\nx = ["y"]', "titles.x must be a text in quotes"),
        ("[titles", "is not TOML"),
        (f"titles.{'.'.join('a' * 1_200)} = 'x'", "too deep in tables"),
        ("[true]", "true must be a name"),
    ],
)
def test_a_broken_file_is_named_and_the_packaged_words_stay(
    folders: tuple[Path, Path], text: str, problem: str
) -> None:
    packaged, own = folders
    (own / "stripe" / "words.toml").write_text(text)
    templates = load_templates(own, {}, packaged=packaged)
    error = templates.errors["stripe/words.toml"]
    assert problem in error.message
    assert error.file == "templates/stripe/words.toml"
    assert _message(templates) == "Invoice was paid, past due"


def test_a_link_to_nothing_is_named(folders: tuple[Path, Path]) -> None:
    packaged, own = folders
    (own / "stripe" / "words.toml").symlink_to("nothing")
    assert "not a file" in load_templates(own, {}, packaged=packaged).errors["stripe/words.toml"].message


@pytest.mark.parametrize("broken", ["paid by {whom}", "paid by {who"])
def test_a_phrase_that_cannot_be_filled_in_is_named_with_its_line(folders: tuple[Path, Path], broken: str) -> None:
    packaged, own = folders
    (own / "stripe" / "words.toml").write_text(
        f'# mine\n[titles]\n"invoice.voided" = "x"\n"invoice.paid" = "{broken}"\n'
    )
    event = sample_event(samples()["stripe/invoice.paid"], "stripe", SAMPLE_TIME)
    rendered = render(event, load_templates(own, {}, packaged=packaged))
    assert rendered.message is not None
    assert rendered.error
    assert (rendered.error.file, rendered.error.line) == ("templates/stripe/words.toml", 4)
    assert broken in rendered.error.message


def test_no_event_gets_the_words_as_its_template(folders: tuple[Path, Path]) -> None:
    assert load_templates(None, {}, packaged=folders[0]).names() == ["default.j2", "stripe/invoice.j2"]


def test_unknown_keys_are_those_that_the_packaged_file_lacks() -> None:
    packaged, own = read_words(PACKAGED), read_words('more = "x"\n[titles]\n"invoice.payd" = "x"\n"invoice.paid" = "y"')
    assert not isinstance(packaged, Problem)
    assert not isinstance(own, Problem)
    assert WordFile(packaged, own, "").unknown() == [("more",), ("titles", "invoice.payd")]


@given(st.text(max_size=200))
def test_any_text_gives_tables_or_a_problem(text: str) -> None:
    found = read_words(text, {"titles": {"a": "b"}})
    assert isinstance(found, Problem) or found is not None
