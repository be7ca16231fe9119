"""The writer: durable on return, many operations in one commit, each failing alone, recovery from a full disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from bridge.contract.messages import Stream
from bridge.ports import Bounds, JournalRecord, StoreUnusable
from bridge.store import StoreBusy, open_store, schema
from bridge.store.database import BESIDE, SqliteDatabase
from tests.store.conftest import SetClock
from tests.store.samples import record


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    async with SqliteDatabase(path, 0.0, schema.migrations()) as opened:
        yield opened


def set_fact(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("INSERT INTO facts (name, value) VALUES (?, 'set')", (name,))


async def facts(database: SqliteDatabase) -> list[str]:
    return [name for (name,) in await database.read(lambda c: c.execute("SELECT name FROM facts").fetchall())]


async def test_a_commit_is_flushed_to_the_disk(database: SqliteDatabase) -> None:
    assert await database.write(lambda c: c.execute("PRAGMA synchronous").fetchone()) == (2,)  # FULL
    assert await database.write(lambda c: c.execute("PRAGMA journal_mode").fetchone()) == ("wal",)


async def held_up(database: SqliteDatabase, count: int, failing: int | None = None) -> list[object]:
    """Queue `count` operations while the writer is busy; returns the outcome of each."""
    go_on = threading.Event()
    first = asyncio.create_task(database.write(lambda _: go_on.wait(10)), name="first")
    await asyncio.sleep(0)

    def operation(connection: sqlite3.Connection, number: int) -> int:
        set_fact(connection, str(number))
        if number == failing:
            raise RuntimeError("this one")
        return number

    waiting = [
        asyncio.create_task(database.write(lambda c, n=n: operation(c, n)), name=str(n))  # type: ignore[misc]
        for n in range(count)
    ]
    await asyncio.sleep(0)
    go_on.set()
    assert await first
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_waiting_operations_are_committed_together(database: SqliteDatabase) -> None:
    commits: list[str] = []

    def trace(statement: str) -> None:
        if statement == "COMMIT":
            commits.append(statement)

    await database.write(lambda connection: connection.set_trace_callback(trace))
    commits.clear()
    assert await held_up(database, 50) == list(range(50))
    # The commit of the tracing itself may still be running, then the first, then all fifty.
    assert len(commits) <= 3


async def test_a_failed_operation_fails_alone_and_stores_nothing(database: SqliteDatabase) -> None:
    outcomes = await held_up(database, 10, failing=4)
    assert isinstance(outcomes.pop(4), RuntimeError)
    assert outcomes == [n for n in range(10) if n != 4]
    assert sorted(await facts(database)) == [str(n) for n in range(10) if n != 4]


async def test_callbacks_come_in_the_order_of_the_commits_and_before_the_callers(database: SqliteDatabase) -> None:
    order: list[str] = []

    async def write(name: str) -> None:
        await database.write(lambda c: set_fact(c, name), lambda _: order.append(f"committed {name}"))
        order.append(f"returned {name}")

    await asyncio.gather(*(write(name) for name in "abc"))
    assert [line for line in order if line.startswith("committed")] == [f"committed {name}" for name in "abc"]
    assert all(order.index(f"committed {name}") < order.index(f"returned {name}") for name in "abc")


async def test_memory_follows_the_disk_even_if_the_caller_was_cancelled(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        gone = asyncio.create_task(store.journal.append([record("A")]), name="gone")
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert await store.journal.append([record("B")]) == [2]
        assert store.journal.bounds(Stream.IN) == Bounds(1, 2)


async def test_a_write_does_not_wait_for_a_long_read(database: SqliteDatabase) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def long_read(connection: sqlite3.Connection) -> int:
        connection.execute("SELECT count(*) FROM facts").fetchone()
        reading.set()
        go_on.wait(10)
        (count,) = connection.execute("SELECT count(*) FROM facts").fetchone()
        return int(count)

    read = asyncio.create_task(database.read(long_read), name="long read")
    await asyncio.to_thread(reading.wait, 10)
    await database.write(lambda connection: set_fact(connection, "written meanwhile"))
    go_on.set()
    assert await read == 0  # one snapshot
    assert await facts(database) == ["written meanwhile"]


async def test_operations_queued_before_the_end_are_committed(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        appends = [asyncio.create_task(store.journal.append([record(str(n))]), name=str(n)) for n in range(100)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*appends) == [[n] for n in range(1, 101)]


async def test_a_closed_store_is_reported(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        pass
    with pytest.raises(StoreUnusable, match="is not open"):
        await store.journal.append([record("A")])
    with pytest.raises(StoreUnusable, match="is not open"):
        await store.journal.read(Stream.IN, 0, 1)


async def test_closing_leaves_one_file_and_its_mark(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        await store.journal.append([record("A")])
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db", "store.db-closed"]
    assert not [thread for thread in threading.enumerate() if "store-" in thread.name]


async def test_a_full_disk_fails_only_operations_that_do_not_fit(path: Path, clock: SetClock) -> None:
    big = [record(f"big-{n}", content="x" * 4000) for n in range(100)]

    async with open_store(path, now=clock) as store:
        await store.journal.append([record("before")])
        (pages,) = await store.database.write(lambda c: c.execute("PRAGMA page_count").fetchone())
        await store.database.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 3}").fetchone())

        def append(records: list[JournalRecord]) -> asyncio.Task[list[int | None]]:
            return asyncio.create_task(store.journal.append(records), name=records[0].raw_id)

        tasks = [append([record("small-1")]), append(big), append([record("small-2")])]
        first, refused, second = await asyncio.gather(*tasks, return_exceptions=True)
        assert (first, second) == ([2], [3])
        assert isinstance(refused, StoreBusy)
        assert refused.transient
        assert "disk is full" in refused.text
        assert str(path) in refused.text
        assert store.journal.bounds(Stream.IN) == Bounds(1, 3)

        await store.database.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
        assert await store.journal.append(big) == list(range(4, 104))
    async with open_store(path, now=clock) as store:
        assert store.journal.bounds(Stream.IN) == Bounds(1, 103)


async def test_a_lock_of_another_program_is_reported_and_passes(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        await store.database.write(lambda c: c.execute("PRAGMA busy_timeout = 10").fetchone())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="another program holds a lock"):
            await store.journal.append([record("A")])
        other.execute("ROLLBACK")
        other.close()
        assert await store.journal.append([record("A")]) == [1]


async def test_appends_at_once_cost_less_than_one_after_the_other(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:

        async def seconds(first: int, at_once: bool) -> float:
            started = time.perf_counter()
            appends = [store.journal.append([record(str(n))]) for n in range(first, first + 300)]
            if at_once:
                await asyncio.gather(*appends)
            else:
                for append in appends:
                    await append
            return time.perf_counter() - started

        await seconds(0, at_once=True)  # warm up
        one_by_one = min([await seconds(n * 1000, at_once=False) for n in (1, 2, 3)])
        at_once = min([await seconds(n * 1000, at_once=True) for n in (4, 5, 6)])
        assert one_by_one / at_once > 2  # 12 on a disk whose flush takes 1 ms, 4 where it takes none


async def test_operations_of_one_turn_of_the_loop_share_a_commit(database: SqliteDatabase) -> None:
    commits: list[str] = []
    await database.write(lambda connection: connection.set_trace_callback(commits.append))
    names = [str(number) for number in range(20)]
    await asyncio.gather(*(database.write(lambda c, n=n: set_fact(c, n)) for n in names))  # type: ignore[misc]
    assert commits.count("BEGIN IMMEDIATE") == 1
    assert sorted(await facts(database)) == sorted(names)


async def test_what_may_wait_shares_the_next_commit(database: SqliteDatabase) -> None:
    commits: list[str] = []
    await database.write(lambda connection: connection.set_trace_callback(commits.append))
    for name in "12":
        database.write_soon(lambda connection, name=name: set_fact(connection, name))  # type: ignore[misc]
    await database.write(lambda connection: set_fact(connection, "3"))
    assert [statement for statement in commits if statement.startswith(("BEGIN", "COMMIT"))] == [
        "COMMIT",  # of the statement above
        "BEGIN IMMEDIATE",
        "COMMIT",
    ]
    assert await facts(database) == ["1", "2", "3"]


async def test_what_may_wait_is_committed_without_another_commit_too(database: SqliteDatabase, path: Path) -> None:
    committed = asyncio.Event()
    database.write_soon(lambda connection: set_fact(connection, "alone"), lambda _: committed.set())
    await asyncio.wait_for(committed.wait(), 5)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM facts").fetchall() == [("alone",)]


async def test_a_read_has_what_may_wait(database: SqliteDatabase) -> None:
    database.write_soon(lambda connection: set_fact(connection, "soon"))
    assert await facts(database) == ["soon"]


async def test_what_may_wait_is_committed_before_the_end(path: Path) -> None:
    async with SqliteDatabase(path, 0.0, schema.migrations()) as database:
        database.write_soon(lambda connection: set_fact(connection, "last"))
    async with SqliteDatabase(path, 0.0, schema.migrations()) as database:
        assert await facts(database) == ["last"]


async def test_an_operation_that_may_wait_and_fails_stops_no_other(database: SqliteDatabase) -> None:
    database.write_soon(lambda connection: connection.execute("no SQL"))
    await database.write(lambda connection: set_fact(connection, "other"))
    assert await facts(database) == ["other"]


async def test_a_close_cancels_what_has_not_begun_and_not_its_callers(path: Path) -> None:
    leave = threading.Event()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(SqliteDatabase(path, 0.0, schema.migrations()))
        busy = [asyncio.create_task(database.read_apart(lambda _: leave.wait(10))) for _ in range(BESIDE)]
        reading = asyncio.create_task(database.read_apart(lambda _: None))
        copying = asyncio.create_task(database.checkpoint())
        await asyncio.sleep(0)
        closing = asyncio.create_task(stack.aclose())
        await asyncio.wait([reading, copying], timeout=5)
        leave.set()
        await closing
    assert await asyncio.gather(*busy) == [True] * BESIDE
    await copying
    with pytest.raises(StoreUnusable, match="is not open"):
        await reading
