"""Tests of walks: a walk over cases is as strict as a test for each."""

from pathlib import Path

import pytest

from tests.walks import ONLY, for_each


@for_each(["a", "b", "c"])
def every_letter_but_b(letter: str, seen: list[str]) -> None:
    seen.append(letter)
    assert letter != "b", "b is no good"
    assert {"a": 1}[letter]


def test_every_failure_is_reported_with_its_name_and_reason() -> None:
    seen: list[str] = []
    with pytest.raises(AssertionError) as caught:
        every_letter_but_b(seen)
    assert seen == ["a", "b", "c"]
    first, *failures = str(caught.value).splitlines()
    assert first.startswith("2 of 3 fail")
    assert [line[:4] for line in failures if line.startswith("- ")] == ["- b:", "- c:"]
    assert "b is no good" in failures[0]
    assert "KeyError: 'c'" in str(caught.value)


def test_one_case_can_be_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setenv(ONLY, "a")
    every_letter_but_b(seen)
    assert seen == ["a"]


def test_no_cases_prove_nothing() -> None:
    nothing: list[str] = []
    with pytest.raises(AssertionError, match="no cases"):
        for_each(nothing)(nothing.append)()


@pytest.mark.parametrize("size", [1, 2])
@for_each(["x", "y"])
def test_fixtures_and_parameters_stay(letter: str, size: int, tmp_path: Path) -> None:
    (tmp_path / letter).write_text(letter * size, "utf-8")
    assert (tmp_path / letter).stat().st_size == size
