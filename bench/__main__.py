"""Runs everything, prints the table, writes docs/BENCHMARKS.md.

    python -m bench [--runs 3] [--quick] [--write]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from . import arrivals, commands, raw
from .figures import Figure, markdown, percentile
from .parts import ROOT, Stage, pss, stage

PACED_RATE = 30.0
BURST = 2000


async def measure(here: Stage, *, runs: int, paced: int, claims: int) -> list[Figure]:
    """All figures, in the order of the report."""
    say = Console(stderr=True).print
    async with here.bridge():  # the first start pairs, and asks in vain who owns the session
        await here.until("connected")
        say("paired")
    first, connected = [], []
    for _ in range(runs):
        began = time.time()
        looking = [asyncio.create_task(_first_status(here), name="first status")]
        await asyncio.sleep(0)
        async with here.bridge() as bridge:
            connected.append(await here.until("connected") - began)
            first.append(await looking[0] - began)
            memory_idle = pss(bridge.pid)
    say("started")
    latencies: list[list[float]] = []
    bursts: list[arrivals.Burst] = []
    claimed: list[float] = []
    trips: list[list[float]] = []
    throughput: list[float] = []
    batches: list[list[float]] = []
    written: list[list[float]] = []
    memory: list[float] = []
    async with here.bridge() as bridge:
        await here.until("connected")
        for run in range(runs):
            trips.append(await raw.broker(here, count=300))
            throughput.append(await raw.throughput(here, count=5000))
            written.append(await asyncio.to_thread(raw.commits, here, count=300))
            async with here.page() as page:
                batches.append(await raw.page_batch(page, count=200))
            latencies.append((await arrivals.paced(here, count=paced, rate=PACED_RATE)).latencies)
            bursts.append(await arrivals.burst(here, count=BURST, run=run))
            say(f"run {run + 1}: {bursts[-1]}")
        await commands.control(here, "close")
        for run in range(runs):
            claimed.append(await commands.claimed(here, count=claims, run=run))
        memory.append(pss(bridge.pid))
    return [
        *_spread("page event → subscriber's callback", latencies, (0.5, 4.0), (0.99, 15.0)),
        *_spread("broker: publish → delivery", trips, raw=True),
        *_spread("durable commit of one row", written, raw=True),
        *_spread("page → Python, one message", batches, raw=True),
        Figure(
            f"burst of {BURST}: journalled, published, at the subscriber in order",
            "/s", tuple(b.rate for b in bursts), 4000, more_is_better=True,
        ),
        Figure("publisher alone, QoS 1", "/s", tuple(throughput), more_is_better=True, raw=True),
        Figure("out → durable claim → accepted result at a subscriber", "/s", tuple(claimed), 4000, more_is_better=True),
        Figure("wa bridge → first status", "s", tuple(first), 1.5),
        Figure("wa bridge → connected, login restored", "s", tuple(connected), 4.0),
        Figure("PSS of the bridge, idle", "MB", (memory_idle,), 70),
        Figure("PSS of the bridge after all of this", "MB", tuple(memory), 70),
    ]  # fmt: skip


def _spread(
    what: str, runs: list[list[float]], *goals: tuple[float, float], raw: bool = False
) -> list[Figure]:
    shares = dict(goals) or {0.5: None, 0.99: None}
    return [
        Figure(f"{what}, p{share * 100:.0f}", "ms", tuple(percentile(run, share) for run in runs), goal, raw=raw)
        for share, goal in shares.items()
    ]


async def _first_status(here: Stage) -> float:
    from .parts import PATIENCE, SESSION, TOPICS

    async with here.connection() as connection, asyncio.timeout(PATIENCE):
        await connection.subscribe(TOPICS.status(SESSION))
        async for delivery in connection.deliveries():
            connection.acknowledge(delivery)
            if not delivery.retain:
                return time.time()
    raise AssertionError("the broker is gone")


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description="Measure the bridge.")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="fewer messages")
    parser.add_argument("--write", action="store_true", help="write docs/BENCHMARKS.md")
    options = parser.parse_args()

    async def run() -> list[Figure]:
        with tempfile.TemporaryDirectory(prefix="wa-bench-") as folder:
            async with stage(Path(folder)) as here:
                return await measure(
                    here, runs=options.runs, paced=150 if options.quick else 600, claims=2000 if options.quick else 5000
                )

    figures = asyncio.run(run())
    table = Table(box=SIMPLE, pad_edge=False)
    for heading in ("figure", "middle", "span", "goal", ""):
        table.add_column(heading)
    for figure in figures:
        table.add_row(*figure.cells(), style="dim" if figure.raw else "red" if figure.reached is False else "")
    Console().print(table)


if __name__ == "__main__":
    main()
