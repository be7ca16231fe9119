"""When a store is checked as a whole, and that nothing is committed to one that is damaged."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.contract.messages import Stream
from bridge.ports import StoreUnusable
from bridge.store import StoreDamaged, open_store, soundness
from tests.store.conftest import SetClock
from tests.store.samples import record

PAGE = 4096


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were checked as a whole."""
    checked, check = [], soundness.check

    def counting(connection: sqlite3.Connection, path: Path) -> None:
        checked.append(path)
        check(connection, path)

    monkeypatch.setattr(soundness, "check", counting)
    return checked


async def fill(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        await store.journal.append([record(f"{n:04}", content="x" * 200) for n in range(500)])


def kill_a_writer(path: Path) -> None:
    """A process that journals into the store, killed while it does."""
    program = [sys.executable, "-m", "tests.store.appending_program", str(path), "killed"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(50):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)


def scramble(path: Path) -> None:
    pages = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        file.seek(pages // 2 * PAGE)
        file.write(random.Random(2).randbytes(3 * PAGE))


async def test_a_store_is_not_read_as_a_whole_after_a_clean_end(
    path: Path, clock: SetClock, checks: list[Path]
) -> None:
    await fill(path, clock)
    checks.clear()
    for later in (False, True):
        async with open_store(path, now=clock, check_later=later) as store:
            await store.checked()
            await store.memory.next_number("start")
    assert checks == []


def copied_with_its_times(path: Path) -> None:
    for ending in ("", "-closed"):
        shutil.copy2(path.with_name(path.name + ending), path.with_name(f"copy{ending}"))
    for ending in ("", "-closed"):
        path.with_name(f"copy{ending}").replace(path.with_name(path.name + ending))


def changed_and_dated_back(path: Path) -> None:
    found = path.stat()
    with path.open("r+b") as file:
        first = file.read(100)
        file.seek(0)
        file.write(first)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def written_by_another_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE store SET created_at = 1")
    connection.commit()
    connection.close()


def without_its_mark(path: Path) -> None:
    path.with_name(f"{path.name}-closed").unlink()


def with_half_a_mark(path: Path) -> None:
    mark = path.with_name(f"{path.name}-closed")
    mark.write_bytes(mark.read_bytes()[:-1])


def with_an_unreadable_mark(path: Path) -> None:
    path.with_name(f"{path.name}-closed").write_bytes(b"\xff")


def with_the_log_of_an_unfinished_change(path: Path) -> None:
    path.with_name(f"{path.name}-journal").touch()


@pytest.mark.parametrize(
    "change",
    [
        copied_with_its_times,
        changed_and_dated_back,
        written_by_another_program,
        without_its_mark,
        with_half_a_mark,
        with_an_unreadable_mark,
        with_the_log_of_an_unfinished_change,
        kill_a_writer,
    ],
)
@pytest.mark.parametrize("later", [False, True])
async def test_a_store_is_checked_unless_it_is_as_the_last_close_left_it(
    path: Path, clock: SetClock, checks: list[Path], change: Callable[[Path], None], *, later: bool
) -> None:
    await fill(path, clock)
    await asyncio.to_thread(change, path)
    checks.clear()
    for _ in range(2):
        async with open_store(path, now=clock, check_later=later) as store:
            await store.checked()
    assert checks == [path]  # once: the second start follows a clean end


async def test_a_mark_counts_for_one_opening(path: Path, clock: SetClock, checks: list[Path]) -> None:
    await fill(path, clock)
    assert soundness.take_mark(path)
    assert not soundness.take_mark(path)
    checks.clear()
    async with open_store(path, now=clock):
        pass
    assert checks == [path]


@pytest.mark.parametrize("later", [False, True])
async def test_nothing_is_committed_to_a_store_that_was_damaged_by_a_kill(
    path: Path, clock: SetClock, *, later: bool
) -> None:
    await fill(path, clock)
    await asyncio.to_thread(kill_a_writer, path)
    scramble(path)
    for _ in range(2):
        with pytest.raises(StoreDamaged):
            async with open_store(path, now=clock, check_later=later) as store:
                await store.journal.append([record("after")])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    found = connection.execute("SELECT count(*) FROM message_keys WHERE raw_id = 'after'").fetchone()
    connection.close()
    assert found == (0,)


async def test_damage_by_a_kill_is_reported_without_a_commit(path: Path, clock: SetClock) -> None:
    await fill(path, clock)
    await asyncio.to_thread(kill_a_writer, path)
    scramble(path)
    with pytest.raises(StoreDamaged, match=r"store\.db is damaged"):
        async with open_store(path, now=clock, check_later=True) as store:
            await store.checked()


class SlowCheck:
    """Keeps the check of a store from ending until `resume` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.resume = threading.Event()
        self._check = soundness.check
        monkeypatch.setattr(soundness, "check", self._slow)

    def _slow(self, connection: sqlite3.Connection, path: Path) -> None:
        self.resume.wait(30)
        self._check(connection, path)


async def test_commits_wait_for_the_check_and_reads_do_not(
    path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path, clock)
    await asyncio.to_thread(kill_a_writer, path)
    slow = SlowCheck(monkeypatch)
    async with open_store(path, now=clock, check_later=True) as store:
        appending = asyncio.create_task(store.journal.append([record("new")]), name="append")
        last = store.journal.bounds(Stream.IN).last
        assert len((await store.journal.read(Stream.IN, 0, 500)).items) == 500
        await asyncio.wait([appending], timeout=0.2)
        assert not appending.done()
        slow.resume.set()
        assert await appending == [last + 1]


async def test_a_stop_does_not_wait_for_the_check(
    path: Path, clock: SetClock, checks: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path, clock)
    await asyncio.to_thread(kill_a_writer, path)
    busy = threading.Event()

    def endless(connection: sqlite3.Connection, _: Path) -> None:
        busy.set()
        connection.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")

    with monkeypatch.context() as patch:
        patch.setattr(soundness, "check", endless)
        async with open_store(path, now=clock, check_later=True) as store:
            appending = asyncio.create_task(store.journal.append([record("new")]), name="append")
            await asyncio.to_thread(busy.wait, 10)
        with pytest.raises(StoreUnusable, match="could not be checked"):
            await appending
    checks.clear()
    async with open_store(path, now=clock, check_later=True) as store:
        assert checks == [path]
        assert await store.journal.append([record("new")]) != [None]


async def test_damage_that_is_found_while_it_runs_is_checked_at_the_next_start(
    path: Path, clock: SetClock, checks: list[Path]
) -> None:
    async with open_store(path, now=clock) as store:

        def malformed(_: sqlite3.Connection) -> None:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

        with pytest.raises(StoreDamaged):
            await store.database.read_apart(malformed)
    checks.clear()
    async with open_store(path, now=clock):
        assert checks == [path]
