"""Webhooks, keys and conversations: in every backup, restored where missing, replaced only on request."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.ops.backup import RestoreResult, SessionInUse, restore_backup
from bridge.ports import StoreUnusable, Webhook, WebhookFilter
from bridge.store import BRIDGE_STORE, BridgeStore
from tests.ops.backup.conftest import LOGIN, NOW, back_up, clock, fill, opened

RESPONDER = "responder.db"


def webhook(name: str) -> Webhook:
    return Webhook(name, "haby", f"http://127.0.0.1:9/{name}", 1.0, WebhookFilter(), secret="shared secret")


async def webhooks(data_dir: Path) -> list[str]:
    async with BridgeStore(data_dir / BRIDGE_STORE, now=clock) as store:
        return sorted(one.id for one in await store.webhooks.webhooks())


async def register(data_dir: Path, name: str) -> None:
    async with BridgeStore(data_dir / BRIDGE_STORE, now=clock) as store:
        await store.webhooks.put(webhook(name))


def conversations(data_dir: Path, *texts: str) -> list[str]:
    """Write texts to the responder's database; returns its content."""
    with closing(sqlite3.connect(data_dir / RESPONDER)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS messages (text TEXT)")
        database.executemany("INSERT INTO messages VALUES (?)", [(text,) for text in texts])
        return [text for (text,) in database.execute("SELECT text FROM messages")]


async def restore(archive: Path, data_dir: Path, *, replace: bool = False) -> RestoreResult:
    folder = data_dir / "sessions" / "haby"
    return await restore_backup(
        archive, folder, "haby", now=NOW, clock=clock, data_dir=data_dir, login=LOGIN, replace_shared=replace
    )


@pytest.fixture
async def data_dir(folder: Path) -> Path:
    """With a session, a webhook and a conversation."""
    await fill(folder)
    data_dir = folder.parent.parent
    await register(data_dir, "crm")
    conversations(data_dir, "hola")
    return data_dir


async def archive_of(data_dir: Path, target: Path) -> Path:
    shared = [data_dir / BRIDGE_STORE, data_dir / RESPONDER]
    return (await back_up(data_dir / "sessions" / "haby", target, shared=shared)).path


async def test_on_a_new_machine_they_are_restored_with_the_session(data_dir: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data_dir / RESPONDER)) as database:  # the responder runs, in WAL mode
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("INSERT INTO messages VALUES ('only in the -wal')")
        database.commit()
        archive = await archive_of(data_dir, tmp_path / "haby.tar.gz")
    other = tmp_path / "other"
    done = await restore(archive, other)
    assert (done.shared.restored, done.shared.unchanged, done.shared_kept) == ((BRIDGE_STORE, RESPONDER), (), None)
    assert await webhooks(other) == ["crm"]
    assert conversations(other) == ["hola", "only in the -wal"]
    assert {(other / name).stat().st_mode & 0o777 for name in (BRIDGE_STORE, RESPONDER)} == {0o600}


async def test_existing_ones_are_replaced_only_on_request_and_then_kept_in_a_folder(
    data_dir: Path, tmp_path: Path
) -> None:
    archive = await archive_of(data_dir, tmp_path / "haby.tar.gz")
    await register(data_dir, "newer")
    (data_dir / RESPONDER).unlink()
    done = await restore(archive, data_dir)
    assert (done.shared.restored, done.shared.unchanged) == ((RESPONDER,), (BRIDGE_STORE,))
    assert await webhooks(data_dir) == ["crm", "newer"]
    done = await restore(archive, data_dir, replace=True)
    assert done.shared.unchanged == ()
    assert await webhooks(data_dir) == ["crm"]
    assert done.shared_kept is not None
    assert await webhooks(done.shared_kept) == ["crm", "newer"]


async def test_nothing_is_replaced_while_a_process_uses_them(data_dir: Path, tmp_path: Path) -> None:
    archive = await archive_of(data_dir, tmp_path / "haby.tar.gz")
    async with opened(data_dir / "sessions" / "haby") as store:
        epoch = store.epoch
    async with BridgeStore(data_dir / BRIDGE_STORE, now=clock):
        with pytest.raises(SessionInUse, match=r"bridge\.db is in use"):
            await restore(archive, data_dir, replace=True)
    async with opened(data_dir / "sessions" / "haby") as store:
        assert store.epoch == epoch


async def test_a_damaged_one_is_reported_and_the_session_is_backed_up_anyway(data_dir: Path, tmp_path: Path) -> None:
    (data_dir / BRIDGE_STORE).write_bytes(b"no database" * 1000)
    shared = [data_dir / BRIDGE_STORE, data_dir / RESPONDER]
    done = await back_up(data_dir / "sessions" / "haby", tmp_path / "haby.tar.gz", shared=shared)
    assert list(done.skipped) == [BRIDGE_STORE]
    assert done.manifest.has_profile
    assert (await restore(done.path, tmp_path / "other")).shared.restored == (RESPONDER,)


async def test_one_that_this_bridge_cannot_use_is_refused_before_any_change(data_dir: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data_dir / BRIDGE_STORE)) as database:
        database.execute("PRAGMA user_version = 99")  # of a newer bridge
    archive = await archive_of(data_dir, tmp_path / "haby.tar.gz")
    shutil.rmtree(data_dir)
    with pytest.raises(StoreUnusable, match="newer"):
        await restore(archive, data_dir)
    assert not (data_dir / BRIDGE_STORE).exists()
    assert not (data_dir / "sessions" / "haby").exists()
