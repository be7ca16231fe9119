"""One course of all measurements, in the order of the report."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import psutil

from bench import arrivals, commands, raw
from bench.figures import Figure, percentile
from bench.parts import Stage, pss
from bench.puback_counter import PubackCounter
from bridge.contract.session import SessionState

#: Messages a second of the paced part, and messages of a burst, as the goals name them.
PACE, BURST = 30.0, 2000


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured."""

    runs: int = 3
    paced: int = 600
    claims: int = 5000


@dataclass(slots=True)
class _Runs:
    """What each run brought. Milliseconds, seconds, per second, megabytes, microseconds of CPU."""

    first: list[float] = field(default_factory=list)
    connected: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    trips: list[list[float]] = field(default_factory=list)
    commits: list[list[float]] = field(default_factory=list)
    batches: list[list[float]] = field(default_factory=list)
    publisher: list[float] = field(default_factory=list)
    paced: list[list[float]] = field(default_factory=list)
    bursts: list[float] = field(default_factory=list)
    burst_cpu: list[float] = field(default_factory=list)
    claims: list[commands.Claims] = field(default_factory=list)
    claim_cpu: list[float] = field(default_factory=list)


async def measure(here: Stage, amounts: Amounts) -> list[Figure]:
    """Everything once a run; a start is measured with the login of the start before."""
    async with here.bridge():
        await here.until(SessionState.CONNECTED)
    runs = _Runs()
    for _ in range(amounts.runs):
        await _start(here, runs)
    async with here.bridge() as bridge:
        await here.until(SessionState.CONNECTED)
        for number in range(amounts.runs):
            await _messages(here, runs, amounts, bridge.pid, number)
        runs.after.append(pss(bridge.pid))
    counter = PubackCounter(here.mosquitto.port)
    async with counter.listening(), here.bridge(counter.port) as bridge:
        await here.until(SessionState.CONNECTED)
        await commands.control(here, "close")
        for number in range(amounts.runs):
            began = _cpu(bridge.pid)
            runs.claims.append(await commands.claimed(here, counter, count=amounts.claims, run=number))
            runs.claim_cpu.append((_cpu(bridge.pid) - began) / amounts.claims * 1e6)
    return _figures(runs)


async def _start(here: Stage, runs: _Runs) -> None:
    async with asyncio.TaskGroup() as tasks:
        began = time.time()
        first = tasks.create_task(here.until(None), name="first status")
        connected = tasks.create_task(here.until(SessionState.CONNECTED), name="connected")
        async with here.bridge() as bridge:
            runs.connected.append(await connected - began)
            runs.first.append(await first - began)
            runs.idle.append(pss(bridge.pid))


async def _messages(here: Stage, runs: _Runs, amounts: Amounts, pid: int, number: int) -> None:
    runs.trips.append(await raw.broker(here, count=300))
    runs.publisher.append(await raw.throughput(here, count=5000))
    runs.commits.append(await asyncio.to_thread(raw.commits, here, count=300))
    async with here.page() as page:
        runs.batches.append(await raw.page_batch(page, count=200))
    runs.paced.append(await arrivals.paced(here, count=amounts.paced, rate=PACE))
    began = _cpu(pid)
    runs.bursts.append(await arrivals.burst(here, count=BURST, run=number))
    runs.burst_cpu.append((_cpu(pid) - began) / BURST * 1e6)


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _figures(runs: _Runs) -> list[Figure]:
    def rate(what: str, values: list[float], goal: float | None = None, *, raw: bool = False) -> Figure:
        return Figure(what, "/s", tuple(values), goal, more_is_better=True, raw=raw)

    return [
        *_latency("page event → subscriber's callback, 30 a second", runs.paced, 4.0, 15.0),
        *_latency("raw: broker, publish → delivery", runs.trips),
        *_latency("raw: durable commit of a row", runs.commits),
        *_latency("raw: page → Python, a message", runs.batches),
        rate(
            f"burst of {BURST}: until the subscriber has the last, in order",
            runs.bursts,
            4000,
        ),
        rate("raw: a publisher alone, until the PUBACKs", runs.publisher, raw=True),
        rate(
            "out → the bridge's PUBACK, after the durable claim", [claims.acknowledged for claims in runs.claims], 4000
        ),
        rate("out → accepted result at a subscriber", [claims.told for claims in runs.claims]),
        Figure("CPU of the bridge, a message of the burst", "µs", tuple(runs.burst_cpu)),
        Figure("CPU of the bridge, a command with its result", "µs", tuple(runs.claim_cpu)),
        Figure("wa bridge → first status", "s", tuple(runs.first), 1.5),
        Figure("wa bridge → connected, with a restored login", "s", tuple(runs.connected), 4.0),
        Figure("PSS of the bridge's process, connected and idle", "MB", tuple(runs.idle), 70),
        Figure("PSS of the bridge's process, after all messages of the runs", "MB", tuple(runs.after), 70),
    ]


def _latency(
    what: str, runs: list[list[float]], middle: float | None = None, slow: float | None = None
) -> list[Figure]:
    raw = middle is None
    return [
        Figure(f"{what}, {name}", "ms", tuple(percentile(run, share) for run in runs), goal, raw=raw)
        for name, share, goal in (("p50", 0.5, middle), ("p99", 0.99, slow))
    ]
