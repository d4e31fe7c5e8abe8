"""Walk: one test for a property of many samples, which reports every failing sample."""

import functools
import inspect
import os
import traceback
from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar

import pytest

ONLY = "BRIDGE_TEST_CASE"
_REASON = 2_000

T = TypeVar("T")
P = ParamSpec("P")
Test = Callable[Concatenate[T, P], None]


def for_each(cases: Iterable[T], name: Callable[[T], str] = str) -> Callable[[Test[T, P]], Callable[P, None]]:
    """Call the test with each case as its first argument; fail at the end with the name and reason of each failure.

    Other arguments are unchanged: fixtures, or parameters of ``pytest.mark.parametrize``. Fixtures are shared by
    all cases of one walk. ``BRIDGE_TEST_CASE=push`` walks only the cases with "push" in their name.
    """
    found = list(cases)

    def walk(test: Test[T, P]) -> Callable[P, None]:
        @functools.wraps(test)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            assert found, "a walk over no cases proves nothing"
            part = os.environ.get(ONLY, "")
            chosen = [case for case in found if part in name(case)]
            failures: list[tuple[str, BaseException]] = []
            for case in chosen:
                try:
                    test(case, *args, **kwargs)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 (reported below, with all others)
                    failures.append((name(case), error))
            if failures:
                raise AssertionError(_report(failures, len(chosen))) from failures[0][1]

        parameters = list(inspect.signature(test).parameters.values())
        run.__signature__ = inspect.Signature(parameters[1:])  # type: ignore[attr-defined]  # pytest reads it
        return run

    return walk


def _report(failures: list[tuple[str, BaseException]], count: int) -> str:
    """Name and reason of each failure. The traceback above belongs to the first."""
    lines = [f"{len(failures)} of {count} fail ({ONLY}=… runs one alone):"]
    for case, error in failures:
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = "".join(traceback.format_exception_only(error)).strip()
        lines.append(f"- {case}: {place.name}, line {place.lineno}: {reason[:_REASON]}")
    return "\n".join(lines)
