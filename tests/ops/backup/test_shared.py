"""Listeners, keys and conversations: in every backup, back where there are none, and never exchanged unasked."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.ops.backup import Restored, SessionInUse, restore
from bridge.ports import StoreUnusable, Webhook, WebhookFilter
from bridge.store import BRIDGE_STORE, BridgeStore
from tests.ops.backup.conftest import NOW, clock, fill, opened, saved

RESPONDER = "responder.db"


def listener(name: str) -> Webhook:
    return Webhook(name, "haby", f"http://127.0.0.1:9/{name}", 1.0, WebhookFilter(), secret="shared with it")


async def listeners(data_dir: Path) -> list[str]:
    async with BridgeStore(data_dir / BRIDGE_STORE, now=clock) as store:
        return sorted(one.id for one in await store.webhooks.webhooks())


async def register(data_dir: Path, name: str) -> None:
    async with BridgeStore(data_dir / BRIDGE_STORE, now=clock) as store:
        await store.webhooks.put(listener(name))


def conversations(data_dir: Path, *texts: str) -> list[str]:
    """Write texts into the responder's database; returns what is in it."""
    with closing(sqlite3.connect(data_dir / RESPONDER)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS said (text TEXT)")
        database.executemany("INSERT INTO said VALUES (?)", [(text,) for text in texts])
        return [text for (text,) in database.execute("SELECT text FROM said")]


async def put_back(archive: Path, data_dir: Path, *, exchange: bool = False) -> Restored:
    folder = data_dir / "sessions" / "haby"
    return await restore(archive, folder, "haby", now=NOW, clock=clock, data_dir=data_dir, exchange_shared=exchange)


@pytest.fixture
async def data_dir(folder: Path) -> Path:
    """One that ran: a session, a listener, a conversation."""
    await fill(folder)
    data_dir = folder.parent.parent
    await register(data_dir, "crm")
    conversations(data_dir, "hola")
    return data_dir


async def archive_of(data_dir: Path, target: Path) -> Path:
    shared = [data_dir / BRIDGE_STORE, data_dir / RESPONDER]
    return (await saved(data_dir / "sessions" / "haby", target, shared=shared)).path


async def test_on_a_new_machine_they_come_back_with_the_session(data_dir: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data_dir / RESPONDER)) as database:  # the responder runs, in WAL mode
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("INSERT INTO said VALUES ('only in the -wal')")
        database.commit()
        archive = await archive_of(data_dir, tmp_path / "haby.tar.gz")
    other = tmp_path / "other"
    done = await put_back(archive, other)
    assert (done.shared.placed, done.shared.left, done.shared_kept) == ((BRIDGE_STORE, RESPONDER), (), None)
    assert await listeners(other) == ["crm"]
    assert conversations(other) == ["hola", "only in the -wal"]
    assert {(other / name).stat().st_mode & 0o777 for name in (BRIDGE_STORE, RESPONDER)} == {0o600}


async def test_those_of_today_stay_unless_it_is_asked_for_and_are_then_kept(data_dir: Path, tmp_path: Path) -> None:
    archive = await archive_of(data_dir, tmp_path / "haby.tar.gz")
    await register(data_dir, "newer")
    (data_dir / RESPONDER).unlink()
    done = await put_back(archive, data_dir)
    assert (done.shared.placed, done.shared.left) == ((RESPONDER,), (BRIDGE_STORE,))
    assert await listeners(data_dir) == ["crm", "newer"]
    done = await put_back(archive, data_dir, exchange=True)
    assert done.shared.left == ()
    assert await listeners(data_dir) == ["crm"]
    assert done.shared_kept is not None
    assert await listeners(done.shared_kept) == ["crm", "newer"]


async def test_nothing_is_exchanged_while_somebody_uses_them(data_dir: Path, tmp_path: Path) -> None:
    archive = await archive_of(data_dir, tmp_path / "haby.tar.gz")
    async with opened(data_dir / "sessions" / "haby") as store:
        epoch = store.epoch
    async with BridgeStore(data_dir / BRIDGE_STORE, now=clock):
        with pytest.raises(SessionInUse, match=r"bridge\.db is in use"):
            await put_back(archive, data_dir, exchange=True)
    async with opened(data_dir / "sessions" / "haby") as store:
        assert store.epoch == epoch


async def test_one_that_is_damaged_is_named_and_the_session_is_saved_all_the_same(
    data_dir: Path, tmp_path: Path
) -> None:
    (data_dir / BRIDGE_STORE).write_bytes(b"no database" * 1000)
    shared = [data_dir / BRIDGE_STORE, data_dir / RESPONDER]
    done = await saved(data_dir / "sessions" / "haby", tmp_path / "haby.tar.gz", shared=shared)
    assert list(done.lacking) == [BRIDGE_STORE]
    assert done.manifest.has_profile
    assert (await put_back(done.path, tmp_path / "other")).shared.placed == (RESPONDER,)


async def test_one_that_this_bridge_cannot_use_is_refused_before_anything_is_touched(
    data_dir: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(data_dir / BRIDGE_STORE)) as database:
        database.execute("PRAGMA user_version = 99")  # of a newer bridge
    archive = await archive_of(data_dir, tmp_path / "haby.tar.gz")
    shutil.rmtree(data_dir)
    with pytest.raises(StoreUnusable, match="newer"):
        await put_back(archive, data_dir)
    assert not (data_dir / BRIDGE_STORE).exists()
    assert not (data_dir / "sessions" / "haby").exists()
