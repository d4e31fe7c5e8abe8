"""Tests of large bodies: parsed one at a time, and cut down while they wait."""

import threading

import pytest

from bridge.core.large_bodies import LARGE, MOST_CHARACTERS, MOST_ENTRIES, cut_down, one_at_a_time, return_freed_memory
from bridge.events import Request
from bridge.sources import PROVIDERS, Malformed


def test_two_large_bodies_are_never_held_at_once_and_small_ones_pass() -> None:
    inside: list[int] = []
    most = 0
    entered = threading.Event()
    leave = threading.Event()

    def hold(number: int) -> None:
        nonlocal most
        with one_at_a_time(LARGE):
            inside.append(number)
            most = max(most, len(inside))
            entered.set()
            leave.wait(5)
            inside.remove(number)

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    assert entered.wait(5)
    with one_at_a_time(LARGE - 1):
        assert most == 1
    leave.set()
    for thread in threads:
        thread.join(5)
    assert most == 1


def test_only_lists_and_texts_are_cut() -> None:
    payload = {"a": list(range(5000)), "b": {"c": "x" * 50_000, "d": [{"e": ["y"] * 2000}]}, "f": None, "g": 10**30}
    cut = cut_down(payload)
    assert cut["a"] == list(range(MOST_ENTRIES))
    assert cut["b"] == {"c": "x" * MOST_CHARACTERS, "d": [{"e": ["y"] * MOST_ENTRIES}]}
    assert (cut["f"], cut["g"]) == (None, 10**30)


def test_freed_memory_can_be_returned_wherever_this_runs() -> None:
    return_freed_memory()
    assert bytes(LARGE)


def test_a_body_of_countless_tiny_values_is_malformed_and_one_of_long_texts_is_not() -> None:
    headers = {"X-Gitlab-Event": "Issue Hook"}

    def read(rest: bytes) -> int:
        body = b'{"object_kind":"issue","x":[' + rest + b"1]}"
        return len(PROVIDERS["gitlab"].events(Request("POST", "", headers, body), "gitlab", 1.0))

    with pytest.raises(Malformed, match="too many values"):
        read(b'{"a":1},' * 1_000_000)
    assert read((b'"' + b"x" * 1000 + b'",') * 20_000) == 1
