"""Notes on keys of an operator's words.toml."""

from pathlib import Path

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Severity
from bridge.lint.unknown_words import unknown_words
from bridge.messages.render import read_templates


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
