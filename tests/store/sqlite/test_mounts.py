"""Tests of a store on mounted file systems: no false alarm, and what is unmounted or deleted beneath is noticed."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.store import StoreRefusedError, StoreUnavailableError
from bridge.store.sqlite.guard import OwnerGuard
from bridge.store.sqlite.store import SqliteStore
from tests.small_disk import mounted, needs_small_disk, small_disk
from tests.store.conftest import opened_sqlite
from tests.store.samples import accept, rows

pytestmark = needs_small_disk


@contextmanager
def overlay(lower: Path, folder: Path) -> Iterator[Path]:
    """Lay a disk of its own over a folder, as the files of a container lie over those of its image."""
    with small_disk("32m") as disk:
        for name in ("upper", "work"):
            (disk / name).mkdir()
        folders = f"lowerdir={lower},upperdir={disk}/upper,workdir={disk}/work"
        with mounted(folder, "-t", "overlay", "-o", folders, "overlay"):
            yield folder


async def stays(store: SqliteStore) -> None:
    """Accept, and look at the files, several times: nothing is taken for lost."""
    for _ in range(3):
        await accept(store)
        assert isinstance(store._guard, OwnerGuard)
        store._guard.look()
        await store.check()


async def is_lost(store: SqliteStore, why: str) -> None:
    with pytest.raises(StoreUnavailableError, match=why):
        await accept(store)
    await store.close()


async def test_a_store_that_overlayfs_copies_up_is_not_taken_for_another(tmp_path: Path) -> None:
    lower, folder = tmp_path / "lower", tmp_path / "merged"
    lower.mkdir()
    folder.mkdir()
    await opened_sqlite(f"sqlite:///{lower}/bridge.db").close()
    before = (lower / "bridge.db").read_bytes()
    with overlay(lower, folder):
        for _ in range(2):
            store = opened_sqlite(f"sqlite:///{folder}/bridge.db")
            await stays(store)
            await store.close()
        assert rows(folder / "bridge.db", "SELECT count(*) FROM events") == [(6,)]
        store = opened_sqlite(f"sqlite:///{folder}/bridge.db")
        (folder / "bridge.db").unlink()
        await is_lost(store, "not there any more")
    assert (lower / "bridge.db").read_bytes() == before


async def test_a_folder_that_is_mounted_elsewhere_too_is_the_same_and_another_mount_over_it_is_not(
    tmp_path: Path,
) -> None:
    data, volume = tmp_path / "data", tmp_path / "volume"
    data.mkdir()
    volume.mkdir()
    with mounted(data, "--bind", str(volume)):
        store = opened_sqlite(f"sqlite:///{data}/bridge.db")
        await stays(store)
        with pytest.raises(StoreRefusedError, match="in use by process"):
            opened_sqlite(f"sqlite:///{volume}/bridge.db")
        with mounted(data, "-t", "tmpfs", "tmpfs"):  # noqa: SIM117 (the mount is what is tested)
            with pytest.raises(StoreUnavailableError, match="not there any more"):
                await accept(store)
        await stays(store)
    await is_lost(store, "not there any more")


async def test_a_file_mounted_by_itself_is_lost_when_it_is_deleted_beneath(tmp_path: Path) -> None:
    host, inside = tmp_path / "host.db", tmp_path / "bridge.db"
    host.touch()
    inside.touch()
    with mounted(inside, "--bind", str(host)):
        store = opened_sqlite(f"sqlite:///{inside}")
        await stays(store)
        host.unlink()
        await is_lost(store, "not there any more")


async def test_a_read_only_disk_is_refused_at_the_start_with_its_reason(tmp_path: Path) -> None:
    with small_disk("16m") as disk:
        await opened_sqlite(f"sqlite:///{disk}/bridge.db").close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # noqa: ASYNC221 (nothing else runs)
        with pytest.raises(StoreRefusedError, match="Read-only file system"):
            opened_sqlite(f"sqlite:///{disk}/bridge.db")


async def test_a_copy_of_a_stores_folder_starts_at_once_beside_the_original(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    store = opened_sqlite(f"sqlite:///{tmp_path}/one/bridge.db")
    await accept(store)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two" / "bridge.db-shm").unlink()
    copy = opened_sqlite(f"sqlite:///{tmp_path}/two/bridge.db")
    await stays(copy)
    await copy.close()
    await store.close()
