"""Long work in slices: how many rows one has, and how long a compaction holds the writer."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.contract.messages import Stream
from bridge.store import SessionStore, open_store
from bridge.store.slices import SLICE, Slices
from bridge.store.writer import Job
from tests.store.conftest import SetClock
from tests.store.samples import DAY, record

#: Milliseconds of CPU that a slice should need; one in twenty may need more on a busy machine.
GOAL = 10.0


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Milliseconds of CPU that each operation took in the writer."""
    spent: list[float] = []
    run = Job.run

    def timed(job: Job[object], connection: sqlite3.Connection) -> None:
        begun = time.thread_time()
        run(job, connection)
        spent.append((time.thread_time() - begun) * 1000)

    monkeypatch.setattr(Job, "run", timed)
    return spent


async def test_the_rows_follow_the_time_that_they_take(store: SessionStore) -> None:
    now, seen = 0.0, []

    def step(seconds: float) -> Callable[[sqlite3.Connection, int], int]:
        def work(_: sqlite3.Connection, rows: int) -> int:
            nonlocal now
            seen.append(rows)
            now += rows * seconds
            return rows

        return work

    slices = Slices(store.database, rows=20, fewest=5, most=100, clock=lambda: now)
    for _ in range(10):
        await slices.write(step(SLICE / 50))
    assert seen[0] == 20
    assert 45 <= seen[-1] <= 50
    for _ in range(3):
        await slices.write(step(SLICE))
    assert seen[-1] == 5
    for _ in range(12):
        await slices.write(step(SLICE / 10_000))
    assert seen[-1] == 100


async def test_a_compaction_holds_the_writer_for_milliseconds(path: Path, clock: SetClock, jobs: list[float]) -> None:
    async with open_store(path, now=clock) as store:
        for first in range(0, 3000, 500):
            await store.journal.append([record(f"{n:05}", content=f"hola {n} " * 8) for n in range(first, first + 500)])
        async for _ in store.search.work():
            pass
        clock.seconds += DAY
        jobs.clear()
        assert (await store.compact(max_age=1, max_bytes=10**12)).items == 2999
    jobs.sort()
    assert len(jobs) > 30
    assert jobs[len(jobs) * 19 // 20] <= GOAL, jobs[-10:]


async def test_an_append_waits_for_one_slice_of_a_compaction(store: SessionStore, clock: SetClock) -> None:
    await store.journal.append([record(f"{n:05}") for n in range(5000)])
    clock.seconds += DAY
    compaction = asyncio.create_task(store.compact(max_age=1, max_bytes=10**12), name="compaction")
    while store.journal.bounds(Stream.IN).first == 1:  # noqa: ASYNC110 - it has begun
        await asyncio.sleep(0)
    for n in range(20):
        await store.journal.append([record(f"new {n}", timestamp=int(clock.seconds))])
    assert not compaction.done()
    assert (await compaction).items >= 4999
