"""Notes on keys of an operator's words.toml."""

from pathlib import Path

import pytest

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Severity
from bridge.config.packaged import packaged_templates
from bridge.lint.unknown_words import unknown_words
from bridge.messages.templates import read_templates


def test_an_unknown_key_is_a_note_with_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    packaged, own = tmp_path / "packaged", tmp_path / "own"
    for folder, text in (
        (packaged, 'a = "x"\n[states]\npast_due = "late"\n'),
        (own, '[states]\n\npast_deu = "late"\n'),
    ):
        (folder / "stripe").mkdir(parents=True)
        (folder / "stripe" / "words.toml").write_text(text)
    (note,) = unknown_words(read_templates(own, {}, packaged=packaged))
    assert (note.severity, note.code) == (Severity.NOTE, Code.TEMPLATE_UNKNOWN_WORD)
    assert note.place == "templates/stripe/words.toml:3"
    assert note.message == "the packaged file has no 'states.past_deu'"
    assert "past_due" in note.hint


def test_a_file_with_known_keys_has_no_note(tmp_path: Path) -> None:
    packaged, own = tmp_path / "packaged", tmp_path / "own"
    for folder in (packaged, own):
        (folder / "stripe").mkdir(parents=True)
        (folder / "stripe" / "words.toml").write_text('[states]\npast_due = "late"\n')
    assert not list(unknown_words(read_templates(own, {}, packaged=packaged)))


def test_a_phrase_that_cannot_be_filled_in_is_a_note_also_where_no_sample_shows_it(tmp_path: Path) -> None:
    packaged, own = tmp_path / "packaged", tmp_path / "own"
    for folder, text in (
        (packaged, '[titles]\npaid = "{amount} paid"\nheld = "held"\nlost = "lost"\n'),
        (own, '[titles]\npaid = "paid: {amount}"\nheld = "held by {whom}"\nlost = "lost {"\n'),
    ):
        (folder / "stripe").mkdir(parents=True)
        (folder / "stripe" / "words.toml").write_text(text)
    template = '{% from "stripe/words.toml" import titles %}{{ phrase(titles[event.type], amount=payload.amount) }}'
    (packaged / "stripe" / "default.j2").write_text(template)
    templates = read_templates(own, {}, packaged=packaged)
    assert [(note.place, note.code) for note in unknown_words(templates)] == [
        ("templates/stripe/words.toml:3", Code.TEMPLATE_WRONG_PHRASE),
        ("templates/stripe/words.toml:4", Code.TEMPLATE_WRONG_PHRASE),
    ]
    (packaged / "stripe" / "more.j2").write_text("{{ phrase('x', **payload) }}")
    assert [note.line for note in unknown_words(read_templates(own, {}, packaged=packaged))] == [4]


@pytest.mark.thorough
def test_the_packaged_phrases_are_right_as_a_file_of_ones_own(tmp_path: Path) -> None:
    for words in packaged_templates().glob("*/words.toml"):
        (tmp_path / words.parent.name).mkdir()
        (tmp_path / words.parent.name / "words.toml").write_text(words.read_text("utf-8"), "utf-8")
    assert not list(unknown_words(read_templates(tmp_path, {})))
