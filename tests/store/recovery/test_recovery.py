"""Tests of recovery: reading a damaged file, without writing to it, and saving a working store."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bridge.store import Query, StoreRefusedError
from bridge.store.recovery import recovery
from bridge.store.recovery.damaged_file import NoStoreError
from bridge.store.recovery.recovery import Examined, examine, save
from bridge.store.sqlite import schema
from bridge.store.sqlite.ownership import beside
from bridge.store.sqlite.store import SqliteStore
from tests.store.conftest import opened_sqlite
from tests.store.samples import DAY, NOW, claim, entry, event, execute, payload_of, receive, request, rows, settle_all

PAGE = 4096
EVENTS = 400


@pytest.fixture(autouse=True)
def _small_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "GAP", 1000)


@pytest.fixture
async def full(path: Path) -> Path:
    """Create a store of many pages, and close it. Two fifths of its deliveries wait."""
    store = opened_sqlite(f"sqlite:///{path}")

    async def keep(number: int) -> None:
        body = {"object_kind": "pipeline", "number": number, "padding": "x" * (200 if number % 10 else 9000)}
        one = event(f"key:{number}", event_id=f"id-{number:04}", now=NOW + number)
        await receive(
            store, request(body), [entry(one, channels=["done" if number % 5 < 3 else "general"])], NOW + number
        )

    # At once, so that they share their commits. Their order is kept.
    await asyncio.gather(*map(keep, range(EVENTS)))
    await settle_all(store, "delivered", "done", NOW + EVENTS)
    await store.close()
    return path


def place(path: Path) -> str:
    return str(path)


def pages_of(path: Path, table: str, kind: str = "leaf") -> list[int]:
    """Return the offsets of a table's pages by walking the file. Only some builds of SQLite can list them."""
    data = path.read_bytes()
    [(root,)] = rows(path, f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'")  # noqa: S608 (our own name)
    assert isinstance(root, int)
    found: list[int] = []

    def walk(page: int) -> None:
        start = (page - 1) * PAGE
        cells = int.from_bytes(data[start + 3 : start + 5], "big")
        if data[start] in (2, 5):
            if kind == "interior":
                found.append(start)
            for cell in range(cells):
                at = start + int.from_bytes(data[start + 12 + 2 * cell : start + 14 + 2 * cell], "big")
                walk(int.from_bytes(data[at : at + 4], "big"))
            walk(int.from_bytes(data[start + 8 : start + 12], "big"))
        elif kind == "leaf":
            found.append(start)

    walk(root)
    return found


def zero(path: Path, *offsets: int) -> None:
    with path.open("r+b") as file:
        for offset in offsets:
            file.seek(offset)
            file.write(bytes(PAGE))


async def look_and_save(path: Path) -> tuple[Examined, SqliteStore]:
    """Check the store, verify that no file changed, save it, and open the result."""
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    found = examine(place(path))
    target = path.with_name("saved.db")
    left = save(place(path), target)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir() if file != target} == before
    assert left == found.left
    assert target.stat().st_mode & 0o777 == 0o600
    store = opened_sqlite(f"sqlite:///{target}")
    assert (await store.counts()).states == left.states
    return found, store


async def test_a_fine_store_is_fine_and_is_not_touched(full: Path) -> None:
    found, store = await look_and_save(full)
    assert found.damage == {}
    assert (found.left.events, found.left.states) == (EVENTS, {"delivered": 240, "waiting": 160})
    assert (found.left.oldest, found.left.bodiless, found.left.lost) == (NOW + 3, 0, 0)
    assert found.size == full.stat().st_size
    claimed = await claim(store, 3)
    assert [(await payload_of(store, delivery))["number"] for delivery in claimed] == [3, 4, 8]
    assert [delivery.id for delivery in claimed] == [4, 5, 9]
    await store.close()


async def test_a_row_whose_end_is_lost_is_left_out(full: Path) -> None:
    zero(full, pages_of(full, "keys")[0])
    execute(
        full,
        "UPDATE deliveries SET state = char(0, 0) WHERE id = 1",  # delivered
        "INSERT INTO attempts (delivery, number, at, kind, status, answer, seconds) "
        "SELECT max(id), 1, 1, char(0), 200, '', 1 FROM deliveries",
    )
    found, store = await look_and_save(full)
    assert (found.left.states, found.left.lost) == ({"delivered": 239, "waiting": 160}, 1)
    listed = await store.find(Query(limit=1000))
    assert len(listed) == EVENTS - 1
    history = await store.event_history(max(listed, key=lambda row: row.delivery).event)
    assert history is not None
    await store.close()


async def test_it_works_beside_a_running_service_and_sees_what_is_in_its_wal(path: Path) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    await receive(store, request(), [entry()], NOW)
    files = {file.name for file in path.parent.iterdir()}
    found = examine(place(path))
    assert (found.damage, found.left.events, found.left.waiting) == ({}, 1, 1)
    assert {file.name for file in path.parent.iterdir()} == files
    with pytest.raises(StoreRefusedError, match="in use"):
        save(place(path), path.with_name("saved.db"))
    assert not path.with_name("saved.db").exists()
    await receive(store, request(), [entry()], NOW)
    await store.close()


@pytest.mark.parametrize("table", ["events", "deliveries", "requests", "keys"])
async def test_a_zeroed_page_in_the_middle_loses_only_its_own_rows(full: Path, table: str) -> None:
    leaves = pages_of(full, table)
    assert len(leaves) > 3
    zero(full, leaves[len(leaves) // 2])
    found, store = await look_and_save(full)
    assert table in found.damage
    assert "\n" not in found.damage[table]
    rest = await store.find(Query(limit=10 * EVENTS))
    left = found.left
    if table == "events":
        assert EVENTS * 0.8 < left.events < EVENTS
        assert left.lost == EVENTS - left.events
        assert len(rest) == left.events
    elif table == "deliveries":
        assert left.events == EVENTS
        assert EVENTS * 0.4 < len(rest) < EVENTS
    elif table == "requests":
        assert (left.events, left.waiting, len(rest)) == (EVENTS, 160, EVENTS)
        assert left.bodiless >= 1
        claimed = await claim(store, 1000)
        assert len(claimed) == 160
        assert sum([not await payload_of(store, delivery) for delivery in claimed]) == left.bodiless
    else:
        assert (left.events, len(rest)) == (EVENTS, EVENTS)
    # The rest is remembered as seen, after any loss.
    kept = {row.event for row in rest}
    again = next(number for number in range(EVENTS // 2, EVENTS) if f"id-{number:04}" in kept)
    [outcome] = await receive(store, request(), [entry(event(f"key:{again}"))], NOW + EVENTS)
    assert (outcome.status, outcome.id) == ("duplicate", f"id-{again:04}")
    await store.close()


@pytest.mark.parametrize("within", [17, 512, 1500, 2900, 4000])
async def test_a_file_that_is_cut_short_is_read_as_far_as_it_goes(full: Path, within: int) -> None:
    """A page that is cut through reads as rows with the number 0, which must not be read for ever."""
    size = full.stat().st_size
    with full.open("r+b") as file:
        file.truncate(size * 2 // 3 // PAGE * PAGE + within)
    found, store = await look_and_save(full)
    assert "cut short" in found.damage["file"]
    assert EVENTS // 3 < found.left.events < EVENTS
    assert found.left.waiting > 0
    await store.close()


@pytest.mark.parametrize("beginning", [bytes(100), b"\x5a" * 100, b"garbage"])
async def test_a_beginning_that_is_overwritten_is_repaired_in_memory(full: Path, beginning: bytes) -> None:
    with full.open("r+b") as file:
        file.write(beginning)
    found, store = await look_and_save(full)
    assert found.damage["file"] == "its beginning is overwritten"
    assert (found.left.events, found.left.waiting) == (EVENTS, 160)
    assert len(await claim(store, 1000)) == 160
    await store.close()


async def test_a_lost_first_page_loses_no_rows(full: Path) -> None:
    """It holds the list of tables, which begin at the same pages in every store."""
    zero(full, 0)
    found, store = await look_and_save(full)
    assert found.damage["file"] == "its beginning is overwritten"
    assert (found.left.events, found.left.waiting) == (EVENTS, 160)
    assert len(await claim(store, 1000)) == 160
    history = await store.event_history("id-0001")
    assert history is not None
    assert (history.event.subject, history.event.url, history.event.actor) == (
        event().subject,
        event().url,
        event().actor,
    )
    await store.close()


async def test_a_lost_list_of_tables_loses_no_rows(full: Path) -> None:
    data = full.read_bytes()
    assert data[100] == 5, "the list of tables is longer than a page"
    leaf = int.from_bytes(data[108:112], "big")
    zero(full, (leaf - 1) * PAGE)
    found, store = await look_and_save(full)
    assert found.damage
    assert (found.left.events, found.left.waiting) == (EVENTS, 160)
    await store.close()


async def test_noise_is_not_taken_for_a_store(full: Path) -> None:
    full.write_bytes(b"\x5a" * full.stat().st_size)
    found = examine(place(full))
    assert found.damage
    assert found.left.events == 0
    with pytest.raises(StoreRefusedError):
        save(place(full), full.with_name("saved.db"))
    assert not full.with_name("saved.db").exists()


async def test_a_lost_wal_that_held_the_tables_is_detected(path: Path) -> None:
    await opened_sqlite(f"sqlite:///{path}").close()
    path.unlink()
    execute(path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", "DROP TABLE t")
    found = examine(place(path))
    assert "holds nothing any more" in found.damage["file"]


async def test_a_lost_wal_keeps_checkpointed_rows(path: Path) -> None:
    """Events only in the lost part are gone, and nothing in the file refers to them."""
    store = opened_sqlite(f"sqlite:///{path}")
    await receive(store, request(), [entry()], NOW)
    await store._writer.read(lambda db: db.execute("PRAGMA wal_checkpoint").fetchone())
    await receive(store, request(), [entry()], NOW)
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    await store.close()
    found = examine(place(copy))
    assert (found.damage, found.left.events) == ({}, 1)
    store = opened_sqlite(f"sqlite:///{copy}")
    assert len(await store.find(Query())) == 1
    await store.close()


@pytest.mark.parametrize("left", [None, b""], ids=["gone", "empty"])
async def test_a_wal_without_its_database_is_damage_and_nothing_can_be_read(path: Path, left: bytes | None) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    await receive(store, request(), [entry()], NOW)
    wal = path.with_name("bridge.db-wal").read_bytes()
    await store.close()
    path.with_name("bridge.db-wal").write_bytes(wal)
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    found = examine(place(path))
    assert found.damage["file"]
    assert found.left.states is None
    assert path.exists() == (left is not None)
    assert path.with_name("bridge.db-wal").read_bytes() == wal


async def test_an_empty_file_in_place_of_a_store_is_damage(full: Path) -> None:
    full.write_bytes(b"")
    assert "it is empty, where there had been a store" in examine(place(full)).damage["file"]
    with pytest.raises(StoreRefusedError):
        save(place(full), full.with_name("saved.db"))


def make_folder(path: Path) -> None:
    path.mkdir()


def make_empty(path: Path) -> None:
    path.touch()


def make_text(path: Path) -> None:
    path.write_text("no database " * 1000)


def make_other(path: Path) -> None:
    execute(path, "CREATE TABLE t (a)")


def make_blank(path: Path) -> None:
    execute(path, "CREATE TABLE t (a)", "DROP TABLE t")


def make_nothing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize("make", [make_folder, make_empty, make_text, make_other, make_blank, make_nothing])
def test_a_file_that_is_not_a_bridge_store_is_reported_and_left_unchanged(
    path: Path, make: Callable[[Path], None]
) -> None:
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for ask in (lambda: examine(place(path)), lambda: save(place(path), path.with_name("saved.db"))):
        with pytest.raises(NoStoreError) as refused:
            ask()
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)
        assert "check --store" not in str(refused.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert [file.name for file in path.parent.iterdir()] == ([path.name] if path.exists() else [])


async def test_a_newer_versions_store_is_left_alone(full: Path) -> None:
    execute(full, f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(NoStoreError, match="newer version"):
        examine(place(full))


def test_a_store_in_memory_has_no_file() -> None:
    with pytest.raises(NoStoreError, match="in memory"):
        examine(":memory:")


def write_older(path: Path, version: int, number: int = 300) -> None:
    """Write a store as an older schema version did, with waiting deliveries and some settled ones."""
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        schema.migrate(old, version)
        old.execute("BEGIN")
        for n in range(1, number + 1):
            old.execute("INSERT INTO requests VALUES (?, 'POST', '', '{}', x'7b7d')", (n,))
            values = (f"id-{n}", "gitlab", "gitlab", "push", "[]", "s", "t" * 300, "", "", None, NOW + n, 0, 0, n, 0)
            old.execute(f"INSERT INTO events VALUES ({n}, {', '.join('?' * len(values))})", values)  # noqa: S608 (marks)
            old.execute(
                "INSERT INTO deliveries (event, channel, route, state, reason) VALUES (?, 'general', 'r', ?, ?)",
                (n, "waiting" if version == 1 or n % 2 else "told", "x" * 100),
            )
            old.execute("INSERT INTO attempts VALUES (?, 1, ?, 'away', NULL, '', 1)", (n, NOW))
        if version > 1:
            old.execute("UPDATE deliveries SET told_in = 'd1' WHERE state = 'told'")
            old.execute("INSERT INTO lanes VALUES ('general', 'away', 'no answer', ?, 1)", (NOW,))
        old.execute("COMMIT")
    beside(path, "lock").write_text("1\nholds a store\n")


async def saved_states(store: SqliteStore) -> set[str]:
    """Return the states of all deliveries and the outcomes of all attempts of a saved store."""
    kinds = await store._reader.read(lambda db: db.execute("SELECT DISTINCT kind FROM attempts").fetchall())
    return {row.state for row in await store.find(Query(limit=None))} | {kind for (kind,) in kinds}


@pytest.mark.parametrize("version", [1, 2])
async def test_an_older_versions_store_is_looked_at_and_saved_with_todays_states(path: Path, version: int) -> None:
    write_older(path, version)
    found, store = await look_and_save(path)
    summarized = 0 if version == 1 else 150
    assert (found.damage, found.left.waiting) == ({}, 300 - summarized)
    assert (found.left.states or {}).get("summarized", 0) == summarized
    assert len(await claim(store, 1000)) == 300 - summarized
    assert await saved_states(store) <= {"waiting", "summarized", "unavailable"}
    assert len(await store.find(Query(summarized_in="d1", limit=None))) == summarized
    states = [(row.channel, row.state, row.alerted) for row in await store.destination_states()]
    assert states == ([] if version == 1 else [("general", "unavailable", True)])
    await store.close()


@pytest.mark.parametrize("harm", ["page", "header", "first page"])
async def test_a_damaged_store_of_version_2_is_saved_with_todays_states(path: Path, harm: str) -> None:
    write_older(path, 2)
    if harm == "header":
        with path.open("r+b") as file:
            file.write(bytes(100))
    else:
        zero(path, 0 if harm == "first page" else pages_of(path, "deliveries")[3])
    found, store = await look_and_save(path)
    assert found.damage
    left = found.left.states or {}
    assert left.keys() == {"waiting", "summarized"}
    assert sum(left.values()) == 300 if harm != "page" else 200 < sum(left.values()) < 300
    assert await saved_states(store) == {"waiting", "summarized", "unavailable"}
    # The first page holds the list of tables. Without it, tables and columns of a later version are unknown.
    kept = 0 if harm == "first page" else left["summarized"]
    assert len(await store.find(Query(summarized_in="d1", limit=None))) == kept
    assert len(await store.destination_states()) == (harm != "first page")
    await store.close()


async def test_nothing_is_overwritten(full: Path) -> None:
    target = full.with_name("saved.db")
    target.write_text("mine")
    with pytest.raises(StoreRefusedError, match="is there already"):
        save(place(full), target)
    assert target.read_text() == "mine"
    with pytest.raises(StoreRefusedError, match="is there already"):
        save(place(full), full)


async def test_saved_keys_that_are_not_json_lose_nothing_else(full: Path) -> None:
    execute(full, "UPDATE events SET keys = '[' WHERE seq = 7")
    zero(full, pages_of(full, "keys")[1])
    _, store = await look_and_save(full)
    [outcome] = await receive(store, request(), [entry(event("key:8"), ttl=DAY)], NOW + EVENTS)
    assert outcome.status == "duplicate"
    await store.close()


async def test_the_search_behind_a_lost_root_ends(full: Path) -> None:
    zero(full, pages_of(full, "deliveries", "interior")[0])
    found = examine(place(full))
    assert "deliveries" in found.damage
    assert (found.left.events, found.left.states) == (EVENTS, {})
