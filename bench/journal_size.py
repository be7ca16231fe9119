"""What a store costs against its size: start, append, replay, pages, catch-up, and appends beside a compaction.

    python -m bench.journal_size [--rows 1000 1000000] [--write]

The stores alone, in a temporary folder; the messages are those of `bench.search`. All sizes are open at once and are
measured in turn. A million takes minutes and 1.1 GB.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from bench.figures import Figure, percentile
from bench.progress import Progress
from bench.report import report
from bench.search import START, append, message
from bridge.contract.messages import Stream
from bridge.store import SessionStore, StoreLimits, open_store

BEGIN, END = "<!-- written by python -m bench.journal_size -->\n", "<!-- end of bench.journal_size -->\n"
#: Measurements of each figure; items of a replay's page and of a page of `/v1`; items that the compaction deletes.
TIMES, REPLAY, PAGE, DELETED, STARTS = 200, 500, 50, 500, 10
MINUTES_A_ROW = 4e-6
#: The pages are read from the disk.
LIMITS = StoreLimits(recent_items=1)


async def _fill(path: Path, rows: int) -> None:
    async with open_store(path, now=time.time) as store:
        await append(store, rows, _dice())
        async for _ in store.search.work():
            pass


async def _start(path: Path) -> float:
    began = time.perf_counter()
    async with open_store(path, now=time.time) as store:
        spent = (time.perf_counter() - began) * 1000
        await store.memory.next_number("start")  # as a real run, it writes
    return spent


class _Measured:
    """An open store with a number of rows; each figure is one call."""

    def __init__(self, store: SessionStore, rows: int) -> None:
        dice = _dice()
        self._store, self._journal, self.rows = store, store.journal, rows
        self._extra = [message(rows + number, dice) for number in range(2 * TIMES)]
        self._places = [dice.randrange(rows - REPLAY) for _ in range(TIMES)]

    async def replay(self, number: int) -> None:
        await self._journal.read(Stream.IN, self._places[number], REPLAY)

    async def page(self, number: int) -> None:
        await self._journal.read(Stream.IN, self._places[number], PAGE)

    async def watermarks(self, _: int) -> None:
        await self._journal.watermarks()

    async def append(self, number: int) -> None:
        await self._journal.append([self._extra[number]])

    async def forget_pages(self) -> None:
        """Empty the reader's page cache: a page of a replay is read once, and a store of a thousand rows is cached as a
        whole, so that it would be compared with what no other store does."""
        await self._store.database.read(lambda connection: connection.execute("PRAGMA shrink_memory"))

    async def beside_compaction(self) -> list[float]:
        """Milliseconds of each append while `DELETED` rows are deleted."""
        held = await self._store.database.read(lambda c: c.execute("SELECT sum(bytes) FROM streams").fetchone()[0])
        most = int(held * (1 - DELETED / self.rows)) if self.rows > DELETED else 0
        compaction = asyncio.create_task(
            self._store.compact(max_age=time.time() - START + 1e9, max_bytes=most), name="compaction"
        )
        times = [await _timed(self.append, TIMES + number) for number in range(TIMES)]
        await compaction
        return times


async def _timed(work: Callable[[int], Awaitable[object]], number: int) -> float:
    began = time.perf_counter()
    await work(number)
    return (time.perf_counter() - began) * 1000


async def _in_turn(stores: Sequence[_Measured], work: Callable[[_Measured, int], Awaitable[None]]) -> list[list[float]]:
    """Milliseconds of each store, measured in turn, so that a busier moment meets all of them."""
    spent: list[list[float]] = [[] for _ in stores]
    for number in range(TIMES):
        for store, times in zip(stores, spent, strict=True):
            await store.forget_pages()
            times.append(await _timed(partial(work, store), number))
    return spent


async def _measure(folder: Path, sizes: Sequence[int], progress: Progress) -> dict[str, list[float]]:
    """Milliseconds of each figure for each size, by the figure's name."""
    paths = [folder / str(rows) / "store.db" for rows in sizes]
    for path, rows in zip(paths, sizes, strict=True):
        progress.part(f"filling and indexing {rows:,} rows")
        await _fill(path, rows)
    progress.part("starts")
    starts = [[await _start(path) for path in paths] for _ in range(STARTS)]
    figures = {"start after a clean end, p50": [percentile(of, 0.5) for of in zip(*starts, strict=True)]}
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_store(path, now=time.time, limits=LIMITS)) for path in paths]
        stores = [_Measured(store, rows) for store, rows in zip(opened, sizes, strict=True)]
        progress.part("appends and pages, in turn")
        appended = await _in_turn(stores, _Measured.append)
        figures |= {
            "append, p50": [percentile(of, 0.5) for of in appended],
            "append, p99": [percentile(of, 0.99) for of in appended],
        }
        for name, work in (
            (f"page of {REPLAY} of a replay, p50", _Measured.replay),
            (f"page of {PAGE} of /v1, p50", _Measured.page),
            ("watermarks of a catch-up, p50", _Measured.watermarks),
            ("catch-up: a message that is known, p50", _Measured.append),
        ):
            figures[name] = [percentile(of, 0.5) for of in await _in_turn(stores, work)]
        progress.part("compaction")
        beside = [await store.beside_compaction() for store in stores]
        figures |= {
            "append beside a compaction, p99": [percentile(of, 0.99) for of in beside],
            "append beside a compaction, longest": [max(of) for of in beside],
        }
    return figures


def _dice() -> random.Random:
    return random.Random(7)  # noqa: S311 - equal texts at each run


def _figures(sizes: list[int]) -> list[Figure]:
    progress = Progress(len(sizes) + 3, sum(sizes) * MINUTES_A_ROW)
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_measure(Path(folder), sizes, progress))
    goals = {"start after a clean end, p50": 150.0}
    figures = []
    for what, values in found.items():
        for rows, value in zip(sizes, values, strict=True):
            figures.append(Figure(f"{what}, {rows:,} rows", "ms", (value,), goals.get(what)))
        if what.endswith("p50") and not what.startswith("start"):
            ratio = values[-1] / values[0]
            figures.append(Figure(f"{what}: {sizes[-1]:,} ÷ {sizes[0]:,} rows", "×", (ratio,), 1.1))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.journal_size", description="A store against its size.")
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 1_000_000])
    parser.add_argument("--write", action="store_true", help="write docs/BENCHMARKS.md")
    options = parser.parse_args()
    report(lambda: _figures(options.rows), BEGIN, END, write=options.write, runs=1)


if __name__ == "__main__":
    main()
