"""Tests of diagnostics: one printable line each, hints with similar names, and a page that explains every code."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, editing, error, note
from bridge.config.errors import nearest, suggestion

ROOT = Path(__file__).parents[2]


def test_the_page_explains_every_code_in_the_same_words() -> None:
    page = (ROOT / "docs" / "diagnostics.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.+) \|$", page, re.MULTILINE)
    assert {code: meaning.replace("\\|", "|") for code, meaning, _ in rows} == {code: code.meaning for code in Code}
    assert len(rows) == len(Code)


@pytest.mark.parametrize("code", Code)
def test_every_code_is_kebab_case_is_explained_and_is_used(code: Code) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", code)
    assert re.fullmatch(r"[A-Z].+\.", code.meaning)
    sources = (
        path.read_text("utf-8") for path in (ROOT / "bridge").rglob("*.py") if "diagnostic_codes" not in path.name
    )
    assert any(f"Code.{code.name}" in source for source in sources)


def test_a_diagnostic_is_one_line_with_place_hint_and_code() -> None:
    found = error(Code.ROUTE_UNKNOWN_KEY, "unknown key", "add it", file="routes.toml", line=3, column=5)
    assert str(found) == "routes.toml:3:5: unknown key (add it) [route-unknown-key]"
    assert str(error(Code.NO_SOURCE_ON, "no source", "set one")) == "no source (set one) [no-source-on]"
    assert str(note(Code.SOURCE_OFF, "is off", "", file="BRIDGE_X")) == "BRIDGE_X: is off [source-off]"


def test_log_fields_are_those_that_are_known() -> None:
    found = error(Code.ROUTE_UNKNOWN_KEY, "unknown key", "add it", file="routes.toml", line=3)
    fields = {"file": "routes.toml", "line": 3, "message": "unknown key", "hint": "add it", "code": "route-unknown-key"}
    assert found.log_fields() == fields


def test_errors_come_before_notes_in_order_of_file_and_line() -> None:
    made = [
        note(Code.SOURCE_OFF, "a", "h", file="a"),
        error(Code.ROUTE_UNKNOWN_KEY, "b", "h", file="b", line=10),
        error(Code.ROUTE_UNKNOWN_KEY, "b", "h", file="b", line=9),
        error(Code.ROUTE_UNKNOWN_KEY, "b", "h", file="b"),
    ]
    assert sorted(made) == [made[3], made[2], made[1], made[0]]


def test_the_ending_of_templates_makes_no_name_near() -> None:
    known = ["stripe/mandate.j2", "gitlab/push.j2"]
    assert nearest("skipme.j2", known) == ""
    assert nearest("gitlab/pusch.j2", known) == "gitlab/push.j2"
    assert nearest("gitlab/push", known) == "gitlab/push.j2"


_texts = st.text(max_size=2_000) | st.sampled_from(
    ["x" * 5_000, "\x1b[31m" * 900, "a\nb", "a:12: b", "\ud800", "\u202e"]
)


@pytest.mark.thorough
@given(_texts, _texts, _texts)
@hypothesis(max_examples=200)
def test_any_text_makes_one_printable_line_of_bounded_length(file: str, message: str, hint: str) -> None:
    found: Diagnostic = error(Code.ROUTE_UNKNOWN_KEY, message, hint, file=file, line=1)
    assert str(found).replace("\u200d", "").isprintable()
    assert len(str(found)) < 1_600


def test_a_path_is_not_cut_at_a_part_that_looks_like_a_line_number() -> None:
    found = error(Code.TOML_SYNTAX, "is not TOML", "h", file="/etc/a:12: b/routes.toml", line=3)
    assert found.file == "/etc/a:12: b/routes.toml"
    assert (found.line, found.message) == (3, "is not TOML")


def test_a_long_path_keeps_its_end() -> None:
    assert error(Code.TOML_SYNTAX, "m", "h", file="/x" * 400 + "/routes.toml").file.endswith("/routes.toml")


def test_only_near_names_are_offered() -> None:
    assert nearest("digest", ["stop", "name", "when"]) == ""
    assert nearest("chanels", ["channels", "enabled"]) == "channels"
    assert suggestion("chanels", ["channels", "enabled"], "look") == "did you mean `channels`?"
    assert suggestion("digest", ["stop", "name"], "look") == "use one of `name`, `stop`"
    assert suggestion("digest", [f"name-{number}" for number in range(13)], "look there") == "look there"
    assert suggestion("digest", [], "look there") == "look there"


def test_a_packaged_file_is_not_offered_for_editing() -> None:
    assert editing("routes.toml", "add it") == "add it"
    packaged = "add it. The file is packaged: copy it first with `bridge init`"
    assert editing("packaged:routes.toml", "add it") == packaged
