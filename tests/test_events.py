"""Tests of requests: headers are found in any case, and no secret is shown."""

import pytest
from multidict import CIMultiDict

from bridge.events import Request, new_id
from bridge.sources.provider import key
from tests.work import calls_of


@pytest.mark.parametrize(
    "headers",
    [{"X-Sig": "a", "x-sig": "b"}, CIMultiDict([("X-Sig", "a"), ("x-SIG", "b")])],
)
def test_headers_are_found_in_any_case_and_every_value_is_kept(headers: dict[str, str]) -> None:
    request = Request("POST", "https://example.com/", headers, b"")
    assert request.header("x-sig") == "a"
    assert request.header_values("x-sig") == ("a", "b")
    assert request.header("other") is None
    assert request.header_values("other") == ()


def test_one_header_sent_fifty_thousand_times_takes_work_in_proportion() -> None:
    headers = CIMultiDict([("X-Sig", "a")] * 50_000)
    request = Request("POST", "", headers, b"")
    assert len(request.header_values("x-sig")) == 50_000
    assert calls_of(lambda: Request("POST", "", headers, b"").header_values("x-sig")) < 10 * 50_000


def test_a_request_shows_neither_its_headers_nor_its_body_nor_its_address() -> None:
    shown = repr(Request("POST", "https://example.com/?token=hidden", {"X-Gitlab-Token": "hidden"}, b"hidden"))
    assert "hidden" not in shown


def test_ids_sort_by_time_and_never_repeat() -> None:
    ids = [new_id(1_795_392_000.0 + n) for n in range(100)]
    assert ids == sorted(ids)
    assert len({new_id(1_795_392_000.0) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a\x1fb", "c"), ("a", "b\x1fc")),
        (("a\x1fb",), ("a", "b")),
        (("", "a"), ("a", "")),
        (("a", ""), ("a",)),
        (("\ud800",), ("?",)),
        (("é",), ("e",)),
    ],
)
def test_different_parts_never_make_one_key(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert key("kind", *one) != key("kind", *other)
    assert len(key("kind", *one)) < 100
    assert key("kind", *one) != key("other", *one)
