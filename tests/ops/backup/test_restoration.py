"""Backup, restore and reset of a session: what is restored, kept and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.ops.backup import BadBackup, RestoreResult, SessionInUse, reset_store, restore_backup, stores_to_move
from bridge.ports import StoreUnusable
from bridge.store import StoreBusy, StoreDamaged
from bridge.store.online_copy import held
from tests.ops.backup.conftest import LOGIN, NOW, back_up, clock, fill, opened
from tests.store.samples import record


async def restore(archive: Path, folder: Path, *, with_profile: bool = True) -> RestoreResult:
    data_dir = folder.parent.parent
    return await restore_backup(
        archive, folder, "haby", now=NOW, clock=clock, data_dir=data_dir, login=LOGIN, with_login=with_profile
    )


def names(folder: Path) -> list[str]:
    """The files in a folder, without those that come and go beside a store."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(("-wal", "-shm", "-closed")))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_session_is_restored_with_a_new_epoch(folder: Path, tmp_path: Path) -> None:
    epoch = await fill(folder)
    backup = await back_up(folder, tmp_path / "haby.tar.gz")
    shutil.rmtree(folder)
    done = await restore(backup.path, folder)
    assert (done.manifest.epoch, done.kept) == (epoch, None)
    async with opened(folder) as store:
        assert store.epoch == done.epoch != epoch
        page = await store.journal.read(Stream.IN, 0, 10)
        assert [json.loads(body)["id"] for _, body in page.items] == ["3EB00", "3EB01", "3EB02"]
    assert (folder / "profile/Default/Local Storage/leveldb/000003.log").read_bytes() == b"the login"
    assert not (folder / "profile/Default/Cache").exists()
    assert mode(folder) == 0o700


async def test_open_commands_become_unknown_with_a_result_and_final_ones_stay(folder: Path, tmp_path: Path) -> None:
    await fill(folder)
    backup = await back_up(folder, tmp_path / "haby.tar.gz")
    done = await restore(backup.path, folder)
    assert done.unknown == 1
    async with opened(folder) as store:
        rows = {name: await store.outbox.get(name) for name in ("open", "done")}
        assert [row and row.state for row in rows.values()] == [SendState.UNKNOWN, SendState.SENT]
        results = [json.loads(one.body) for one in await store.outbox.unpublished(0, 100) if "open" in one.body]
        assert [(result["id"], result["status"]) for result in results] == [("open", "unknown")]


async def test_the_replaced_files_are_kept(folder: Path, tmp_path: Path) -> None:
    await fill(folder)
    backup = await back_up(folder, tmp_path / "haby.tar.gz")
    async with opened(folder) as store:
        await store.journal.append([record("3EB0LATER", content="later")])
    (folder / "profile" / "newer").touch()
    done = await restore(backup.path, folder)
    assert done.kept is not None
    async with opened(done.kept) as store:
        assert store.journal.bounds(Stream.IN).last == 4
    assert (done.kept / "profile" / "newer").exists()
    assert not (folder / "profile" / "newer").exists()
    again = await restore(backup.path, folder)
    assert again.kept not in (None, done.kept)


async def test_a_leftover_wal_is_not_applied_to_the_restored_store(folder: Path, tmp_path: Path) -> None:
    await fill(folder)
    backup = await back_up(folder, tmp_path / "haby.tar.gz")
    async with opened(folder) as store:  # as after a kill: the last commits are only in the -wal
        await store.journal.append([record("3EB0LATER", content="later")])
        crashed = tmp_path / "crashed"
        shutil.copytree(folder, crashed)
    shutil.rmtree(folder)
    crashed.rename(folder)
    assert (folder / "store.db-wal").stat().st_size
    done = await restore(backup.path, folder)
    async with opened(folder) as store:
        assert store.journal.bounds(Stream.IN).last == 3
    assert done.kept is not None
    async with opened(done.kept) as store:
        assert store.journal.bounds(Stream.IN).last == 4


async def test_a_backup_of_only_the_store_keeps_the_login(folder: Path, tmp_path: Path) -> None:
    await fill(folder)
    backup = await back_up(folder, tmp_path / "haby.tar.gz", with_profile=False)
    assert not backup.manifest.has_profile
    (folder / "profile" / "newer").touch()
    await restore(backup.path, folder)
    assert (folder / "profile" / "newer").exists()


async def test_a_restore_refuses_a_session_whose_store_is_open(folder: Path, tmp_path: Path) -> None:
    await fill(folder)
    backup = await back_up(folder, tmp_path / "haby.tar.gz")
    async with opened(folder) as store:
        with pytest.raises(SessionInUse, match="pid"):
            await restore(backup.path, folder)
        assert await store.journal.append([record("3EB0NEXT", content="on")]) == [4]


async def test_a_bridge_cannot_start_on_a_locked_store(folder: Path) -> None:
    await fill(folder)
    with held(folder / "store.db"):
        with pytest.raises(StoreUnusable):
            async with opened(folder):
                raise AssertionError("opened")
        with pytest.raises(StoreBusy), held(folder / "store.db"):
            raise AssertionError("locked twice")
    async with opened(folder) as store:
        assert store.journal.bounds(Stream.IN).last == 3


async def test_a_bad_backup_changes_nothing(folder: Path, tmp_path: Path) -> None:
    epoch = await fill(folder)
    backup = await back_up(folder, tmp_path / "haby.tar.gz")
    whole = backup.path.read_bytes()
    backup.path.write_bytes(whole[:-200])
    with pytest.raises(BadBackup):
        await restore(backup.path, folder)
    assert names(folder) == ["profile", "store.db"]
    assert names(folder.parent) == ["haby"]
    async with opened(folder) as store:
        assert store.epoch == epoch


async def test_a_damaged_store_is_not_backed_up(folder: Path, tmp_path: Path) -> None:
    await fill(folder)
    (folder / "store.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreDamaged):
        await back_up(folder, tmp_path / "haby.tar.gz")
    assert names(tmp_path) == ["data"]


async def test_a_damaged_store_can_be_replaced_by_a_restore(folder: Path, tmp_path: Path) -> None:
    await fill(folder)
    backup = await back_up(folder, tmp_path / "haby.tar.gz")
    (folder / "store.db").write_bytes(b"no database" * 1000)
    done = await restore(backup.path, folder)
    assert done.kept is not None
    assert (done.kept / "store.db").read_bytes().startswith(b"no database")
    async with opened(folder) as store:
        assert store.journal.bounds(Stream.IN).last == 3


async def test_a_session_without_a_store_has_nothing_to_back_up(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="nothing to back up"):
        await back_up(folder, tmp_path / "haby.tar.gz")


async def test_a_reset_moves_damaged_and_current_stores_and_a_new_one_is_created(folder: Path) -> None:
    epoch = await fill(folder)
    (folder / "store.db.corrupt-20260131T120000Z").write_bytes(b"damaged")
    (folder / "store.db.corrupt-20260131T120000Z-wal").write_bytes(b"its wal")
    assert len(stores_to_move(folder, kept_only=False)) == 2
    moved = reset_store(folder, "haby", now=NOW, kept_only=False, login=LOGIN)
    names = {path.name for path in moved.files}
    assert names == {"store.db", "store.db.corrupt-20260131T120000Z", "store.db.corrupt-20260131T120000Z-wal"}
    async with opened(folder) as store:
        assert store.epoch != epoch
    async with opened(moved.folder.rename(folder.parent / "inspected")) as store:
        assert store.epoch == epoch


async def test_a_reset_can_move_only_the_damaged_stores(folder: Path) -> None:
    epoch = await fill(folder)
    (folder / "store.db.corrupt-20260131T120000Z").write_bytes(b"damaged")
    moved = reset_store(folder, "haby", now=NOW, kept_only=True, login=LOGIN)
    assert [path.name for path in moved.files] == ["store.db.corrupt-20260131T120000Z"]
    async with opened(folder) as store:
        assert store.epoch == epoch


async def test_a_reset_refuses_a_session_in_use_and_accepts_a_missing_store(folder: Path) -> None:
    assert reset_store(folder, "haby", now=NOW, kept_only=False, login=LOGIN).files == ()
    await fill(folder)
    async with opened(folder):
        with pytest.raises(SessionInUse):
            reset_store(folder, "haby", now=NOW, kept_only=False, login=LOGIN)
    assert (folder / "store.db").exists()
