"""What a store costs against its size: start, append, replay, pages, catch-up, and appends beside a compaction.

    python -m bench.journal_size [--rows 1000 1000000] [--write]

The store alone, in a temporary folder; the messages are those of `bench.search`. A million takes minutes and 1.1 GB.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.figures import Figure, percentile
from bench.progress import Progress
from bench.report import report
from bench.search import START, append, message
from bridge.contract.messages import Stream
from bridge.store import SessionStore, open_store

BEGIN, END = "<!-- written by python -m bench.journal_size -->\n", "<!-- end of bench.journal_size -->\n"
#: Measurements of each figure; items of a replay's page and of a page of `/v1`; items that the compaction deletes.
TIMES, REPLAY, PAGE, DELETED = 200, 500, 50, 500
MINUTES_A_ROW = 4e-6


async def _times(work: Callable[[int], Awaitable[object]], times: int = TIMES) -> list[float]:
    spent = []
    for number in range(times):
        began = time.perf_counter()
        await work(number)
        spent.append((time.perf_counter() - began) * 1000)
    return spent


async def _starts(path: Path) -> list[float]:
    spent: list[float] = []
    for _ in range(10):
        began = time.perf_counter()
        async with open_store(path, now=time.time) as store:
            spent.append((time.perf_counter() - began) * 1000)
            await store.memory.next_number("start")  # as a real run, it writes
    return spent


async def _measure_one(path: Path, rows: int, progress: Progress) -> dict[str, float]:
    """Milliseconds of each figure, by its name."""
    progress.part(f"{rows:,} rows: filling and indexing the store")
    dice = random.Random(7)  # noqa: S311 - equal texts at each run
    async with open_store(path, now=time.time) as store:
        await append(store, rows, dice)
        async for _ in store.search.work():
            pass
    progress.part(f"{rows:,} rows: starts")
    figures = {"start after a clean end, p50": percentile(await _starts(path), 0.5)}
    progress.part(f"{rows:,} rows: appends, pages, compaction")
    async with open_store(path, now=time.time, recent_items=1) as store:
        journal, read = store.journal, store.journal.read
        extra = [message(rows + number, dice) for number in range(2 * TIMES)]
        alone = await _times(lambda n: journal.append([extra[n]]))
        places = [dice.randrange(rows - REPLAY) for _ in range(TIMES)]
        figures |= {
            "append, p50": percentile(alone, 0.5),
            "append, p99": percentile(alone, 0.99),
            f"page of {REPLAY} of a replay, p50": percentile(
                await _times(lambda n: read(Stream.IN, places[n], REPLAY)), 0.5
            ),
            f"page of {PAGE} of /v1, p50": percentile(await _times(lambda n: read(Stream.IN, places[n], PAGE)), 0.5),
            "watermarks of a catch-up, p50": percentile(await _times(lambda _: journal.watermarks()), 0.5),
            "catch-up: a message that is known, p50": percentile(
                await _times(lambda n: journal.append([extra[n]])), 0.5
            ),
        }
        beside = await _beside_compaction(store, rows, lambda n: journal.append([extra[TIMES + n]]))
        figures["append beside a compaction, p99"] = percentile(beside, 0.99)
        figures["append beside a compaction, longest"] = max(beside)
    return figures


async def _beside_compaction(store: SessionStore, rows: int, work: Callable[[int], Awaitable[object]]) -> list[float]:
    held = await store.database.read(lambda c: c.execute("SELECT sum(bytes) FROM streams").fetchone()[0])
    most = int(held * (1 - DELETED / rows)) if rows > DELETED else 0
    compaction = asyncio.create_task(
        store.compact(max_age=time.time() - START + 1e9, max_bytes=most), name="compaction"
    )
    times = await _times(work)
    await compaction
    return times


def _measure(sizes: list[int]) -> list[Figure]:
    found, progress = {}, Progress(3 * len(sizes), sum(sizes) * MINUTES_A_ROW)
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            found[rows] = asyncio.run(_measure_one(Path(folder) / str(rows) / "store.db", rows, progress))
    goals = {"start after a clean end, p50": 150.0}
    figures = []
    for what in found[sizes[0]]:
        figures += [Figure(f"{what}, {rows:,} rows", "ms", (found[rows][what],), goals.get(what)) for rows in sizes]
        if what.endswith("p50") and not what.startswith("start"):
            ratio = found[sizes[-1]][what] / found[sizes[0]][what]
            figures.append(Figure(f"{what}: {sizes[-1]:,} ÷ {sizes[0]:,} rows", "×", (ratio,), 1.1))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.journal_size", description="A store against its size.")
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 1_000_000])
    parser.add_argument("--write", action="store_true", help="write docs/BENCHMARKS.md")
    options = parser.parse_args()
    report(lambda: _measure(options.rows), BEGIN, END, write=options.write, runs=1)


if __name__ == "__main__":
    main()
