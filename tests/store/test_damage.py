"""Files that are not a sound store: refused by name, kept aside on request, never silently replaced."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.messages import Stream
from bridge.ports import Bounds, JournalRecord, StoreUnusable
from bridge.store import StoreDamaged, files, keep_aside, kept_aside, open_store
from tests.store.conftest import SetClock
from tests.store.samples import record

PAGE = 4096


def use(path: Path, records: Sequence[JournalRecord] = ()) -> Bounds:
    """Open the store, journal something, close it; the bounds of `in` then."""

    async def run() -> Bounds:
        async with open_store(path, now=lambda: 0.0) as store:
            await store.journal.append(records)
            return store.journal.bounds(Stream.IN)

    return asyncio.run(run())


@pytest.fixture
def filled(path: Path) -> Path:
    use(path, [record(f"{n:04}", content="x" * 200) for n in range(500)])
    return path


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def truncate_to_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def truncate_within_a_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size - PAGE // 2)


def cut_to_the_header(path: Path) -> None:
    os.truncate(path, 100)


def make_empty(path: Path) -> None:
    os.truncate(path, 0)


def flip_the_magic(path: Path) -> None:
    overwrite(path, 3, b"\xff")


def flip_the_page_size(path: Path) -> None:
    overwrite(path, 16, b"\x13\x37")


def scramble_the_schema(path: Path) -> None:
    overwrite(path, 100, random.Random(1).randbytes(PAGE - 100))


def scramble_pages_in_the_middle(path: Path) -> None:
    pages = path.stat().st_size // PAGE
    overwrite(path, pages // 2 * PAGE, random.Random(2).randbytes(3 * PAGE))


def fill_with_garbage(path: Path) -> None:
    path.write_bytes(random.Random(3).randbytes(5 * PAGE))


def fill_with_text(path: Path) -> None:
    path.write_text("not a database, but a text file\n" * 100)


def put_a_folder_there(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_another_database_there(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def drop_its_tables(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE store")
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        truncate_to_half,
        truncate_within_a_page,
        cut_to_the_header,
        make_empty,
        flip_the_magic,
        flip_the_page_size,
        scramble_the_schema,
        scramble_pages_in_the_middle,
        fill_with_garbage,
        fill_with_text,
        put_a_folder_there,
        put_another_database_there,
        drop_its_tables,
    ],
)
def test_a_damaged_file_is_refused_by_name_and_left_as_it_is(filled: Path, damage: Callable[[Path], None]) -> None:
    damage(filled)
    before = filled.read_bytes() if filled.is_file() else None
    for _ in range(2):
        with pytest.raises(StoreDamaged) as raised:
            use(filled)
        assert str(filled) in raised.value.text
        assert not raised.value.transient
    assert (filled.read_bytes() if filled.is_file() else None) == before


def test_a_kept_store_is_never_followed_by_an_empty_one(filled: Path) -> None:
    fill_with_garbage(filled)
    kept = keep_aside(filled, at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    assert kept == filled.with_name("store.db.corrupt-20260131T120000Z")
    assert kept.is_file()
    for _ in range(2):
        with pytest.raises(StoreUnusable, match=r"kept as store\.db\.corrupt-20260131T120000Z\. To continue") as raised:
            use(filled)
        assert not isinstance(raised.value, StoreDamaged)
        assert not filled.exists()


def test_the_operator_begins_an_empty_store_by_moving_the_kept_one_away(filled: Path) -> None:
    keep_aside(filled).unlink()
    assert use(filled) == Bounds(None, 0)


def test_the_operator_restores_a_backup_beside_the_kept_store(filled: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    backup.write_bytes(filled.read_bytes())
    fill_with_garbage(filled)
    keep_aside(filled)
    backup.rename(filled)
    assert use(filled) == Bounds(1, 500)


async def test_commits_in_the_wal_are_kept_aside_with_the_database(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        await store.journal.append([record("A")])
        for ending in ("", "-wal", "-shm"):  # as a crash would leave them
            (path.parent / f"crashed.db{ending}").write_bytes(path.with_name(path.name + ending).read_bytes())
    kept = keep_aside(path.parent / "crashed.db")
    assert [kept.with_name(kept.name + ending).exists() for ending in ("", "-wal", "-shm")] == [True] * 3
    connection = sqlite3.connect(kept)
    assert connection.execute("SELECT count(*) FROM journal").fetchone() == (1,)
    connection.close()


def test_stores_kept_in_one_second_do_not_replace_each_other(path: Path) -> None:
    path.parent.mkdir(parents=True)
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for content in ("one", "two", "three"):
        path.write_text(content)
        keep_aside(path, at=moment)
    assert [kept.read_text() for kept in kept_aside(path)] == ["one", "two", "three"]


def test_a_store_that_cannot_be_kept_aside_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"store\.db is damaged and cannot be kept as"):
        keep_aside(tmp_path / "no such folder" / "store.db")


def test_a_log_without_its_database_is_not_thrown_away(filled: Path) -> None:
    filled.rename(filled.with_name("elsewhere.db"))
    wal = filled.with_name("store.db-wal")
    wal.write_bytes(b"committed, not yet in the database")
    with pytest.raises(StoreDamaged, match=r"store\.db-wal exists"):
        use(filled)
    keep_aside(filled)
    with pytest.raises(StoreUnusable, match="kept as"):
        use(filled)
    assert not filled.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file where the folder should be")  # permissions do not bind root
    with pytest.raises(StoreUnusable, match=r"sessions/haby cannot be used .*WA_DATA_DIR"):
        use(tmp_path / "sessions" / "haby" / "store.db")


def test_an_interrupted_start_does_not_block_the_next_one(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_name("store.db.new").write_bytes(b"half a store")
    assert use(path, [record("A")]) == Bounds(1, 1)
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db", "store.db-closed"]


async def test_only_the_owner_can_read_the_files(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        await store.journal.append([record("A")])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_widened_permissions_are_restricted_again(filled: Path) -> None:
    filled.chmod(0o644)
    filled.parent.chmod(0o755)
    use(filled)
    assert stat.S_IMODE(filled.stat().st_mode) == 0o600
    assert stat.S_IMODE(filled.parent.stat().st_mode) == 0o700


async def test_a_store_whose_wal_was_removed_after_a_kill_reports_it(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        assert not store.incomplete
        await store.journal.append([record("A")])
        for ending in ("", "-wal"):  # as a kill leaves them
            (path.parent / f"killed.db{ending}").write_bytes(path.with_name(path.name + ending).read_bytes())
    killed = path.parent / "killed.db"
    whole = path.parent / "whole.db"
    for ending in ("", "-wal"):
        whole.with_name(whole.name + ending).write_bytes(killed.with_name(killed.name + ending).read_bytes())
    killed.with_name("killed.db-wal").unlink()
    async with open_store(killed, now=clock) as store:
        assert store.incomplete
    async with open_store(whole, now=clock) as store:
        assert not store.incomplete
        assert store.journal.bounds(Stream.IN) == Bounds(1, 1)


async def test_a_closed_store_is_complete(path: Path, clock: SetClock) -> None:
    for _ in range(3):
        async with open_store(path, now=clock) as store:
            assert not store.incomplete
            await store.memory.next_number("start")


async def test_a_cancelled_opening_is_no_loss(path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large store is checked for longer than a stop waits."""
    async with open_store(path, now=clock):
        pass
    prepare, started, resume = files.prepare, threading.Event(), threading.Event()

    def slow(*arguments: Any, **options: Any) -> files.PreparedFile:
        started.set()
        resume.wait(10)
        return prepare(*arguments, **options)

    monkeypatch.setattr(files, "prepare", slow)
    opening = asyncio.create_task(open_store(path, now=clock).__aenter__(), name="opening")
    await asyncio.to_thread(started.wait, 10)
    opening.cancel()
    await asyncio.wait([opening])
    resume.set()
    for thread in threading.enumerate():
        if thread.name.startswith(f"store-reader-{path}"):
            await asyncio.to_thread(thread.join, 10)
    await asyncio.get_running_loop().shutdown_default_executor()
    gc.collect()
    assert not files.lacks_wal(path)


async def test_a_cancelled_checkpoint_is_no_loss(path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that fails right after its start leaves the thread of a checkpoint behind."""
    connect, started, resume = files.connect, threading.Event(), threading.Event()

    def slow(at: Path, **options: bool) -> sqlite3.Connection:
        connection = connect(at, **options)
        connection.execute("SELECT count(*) FROM store").fetchone()  # SQLite opens the file now
        started.set()
        resume.wait(10)
        return connection

    async with open_store(path, now=clock) as store:
        monkeypatch.setattr(files, "connect", slow)
        setting = asyncio.create_task(store.memory.set("desired", "running"), name="setting")
        await asyncio.to_thread(started.wait, 10)
        setting.cancel()
        await asyncio.wait([setting])
        asyncio.get_running_loop().call_later(0.3, resume.set)
    await asyncio.to_thread(resume.wait, 10)
    await asyncio.get_running_loop().shutdown_default_executor()
    assert not files.lacks_wal(path)


async def test_a_cancelled_close_ends_before_its_caller(
    path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, started, resume = files.close, threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection, at: Path) -> bool:
        started.set()
        resume.wait(10)
        return close(connection, at)

    async def use() -> None:
        async with open_store(path, now=clock):
            monkeypatch.setattr(files, "close", slow)

    using = asyncio.create_task(use(), name="using")
    await asyncio.to_thread(started.wait, 10)
    using.cancel()
    asyncio.get_running_loop().call_later(0.1, resume.set)
    with pytest.raises(asyncio.CancelledError):
        await using
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db", "store.db-closed"]
    assert not files.lacks_wal(path)


async def test_an_opening_waits_for_the_end_of_a_cancelled_one(
    path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In between, the file says WAL mode and has no -wal: SQLite removes it before it writes the header."""
    await use_nothing(path, clock)
    close, started, resume = files.close, threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection, at: Path) -> bool:
        wal, apart = at.with_name(f"{at.name}-wal"), at.with_name("apart")
        wal.rename(apart)
        started.set()
        resume.wait(10)
        apart.rename(wal)
        return close(connection, at)

    monkeypatch.setattr(files, "close", slow)
    opening = asyncio.create_task(open_store(path, now=clock).__aenter__(), name="opening")
    while not opening.cancelling():
        await asyncio.sleep(0)
        opening.cancel()
    await asyncio.wait([opening])
    await asyncio.to_thread(started.wait, 10)
    monkeypatch.setattr(files, "close", close)
    asyncio.get_running_loop().call_later(0.2, resume.set)
    async with open_store(path, now=clock) as store:
        assert not store.incomplete


async def test_facts_of_a_session_survive_the_loss_of_the_wal(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        await store.memory.set("baseline", "1795494850")
        shutil.copy(path, path.parent / "killed.db")  # without the -wal, as after a kill and a bad copy
    async with open_store(path.parent / "killed.db", now=clock) as store:
        assert store.incomplete
        assert await store.memory.get("baseline") == "1795494850"


async def test_a_start_is_never_without_a_wal(path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    await use_nothing(path, clock)
    seen = []
    real = files.connect

    def looking(at: Path, **options: bool) -> sqlite3.Connection:
        seen.append(at.is_file() and files.lacks_wal(at))
        return real(at, **options)

    monkeypatch.setattr(files, "connect", looking)
    async with open_store(path, now=clock):
        seen.append(files.lacks_wal(path))
    assert len(seen) >= 3, "checking, reading, and the end"
    assert not any(seen)


async def test_a_close_that_cannot_write_is_no_loss(path: Path, clock: SetClock) -> None:
    await use_nothing(path, clock)
    connection = files.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA query_only = ON")  # refuses the change of mode as a full disk does
    files.close(connection, path)
    async with open_store(path, now=clock) as store:
        assert not store.incomplete


async def use_nothing(path: Path, clock: SetClock) -> None:
    """Make a store and close it."""
    async with open_store(path, now=clock) as store:
        await store.memory.next_number("start")
