"""Tests of the contract suite itself."""

from pathlib import Path

from bridge.store import Store
from tests.store.conftest import ENGINES


def test_the_suite_names_no_engine_so_that_another_one_is_one_line() -> None:
    suite = [file for file in Path(__file__).parent.glob("test_*.py") if file != Path(__file__)]
    assert len(suite) > 8
    named = [file.name for file in suite for engine in ENGINES if engine in file.read_text().lower()]
    assert named == []


async def test_a_whole_store_has_every_call_of_the_four_protocols(store: Store) -> None:
    calls = {name for protocol in Store.__mro__ for name in vars(protocol) if not name.startswith("_")}
    assert len(calls) > 20
    assert [name for name in sorted(calls) if not callable(getattr(store, name, None))] == []
