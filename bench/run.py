"""All measurements, in the order of the report."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import psutil

from bench import baseline, commands, inbound
from bench.away_reader import AwayReader
from bench.figures import Figure, percentile
from bench.progress import Progress
from bench.puback_counter import PubackCounter
from bench.sends import SERVER_MS, Sends, sends
from bench.stage import Stage, pss
from bridge.contract.session import SessionState

#: Messages per second of the paced part, and messages of a burst.
PACE, BURST = 30.0, 2000
#: Chats written to at once, and sends in each.
#: Chats, texts in each, and milliseconds of the server.
SENDS = ((10, 30, SERVER_MS), (1, 60, SERVER_MS), (1, 60, 0))


@dataclass(frozen=True, slots=True)
class Amounts:
    """Number of runs, paced messages and commands."""

    runs: int = 3
    paced: int = 600
    claims: int = 5000


@dataclass(slots=True)
class _Runs:
    """Results of each run: milliseconds, seconds, per second, megabytes, microseconds of CPU."""

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
    sends: list[list[Sends]] = field(default_factory=list)
    send_cpu: list[float] = field(default_factory=list)
    away: AwayReader = field(default_factory=AwayReader)


#: Parts that each run has in `measure`, which pairs first.
PARTS = 5


async def measure(stage: Stage, amounts: Amounts, progress: Progress) -> list[Figure]:
    """Measure everything in each run; a start uses the login of the previous start."""
    progress.part("pairing")
    async with stage.bridge():
        await stage.until(SessionState.CONNECTED)
    runs = _Runs()
    for number in range(amounts.runs):
        progress.part(f"start, run {number + 1}")
        await _start(stage, runs)
    async with stage.bridge() as bridge:
        await stage.until(SessionState.CONNECTED)
        for number in range(amounts.runs):
            progress.part(f"messages, run {number + 1}")
            await _messages(stage, runs, amounts, bridge.pid, number)
        runs.after.append(pss(bridge.pid))
        for number in range(amounts.runs):
            progress.part(f"sends, run {number + 1}")
            await _sends(stage, runs, bridge.pid)
    counter = PubackCounter(stage.mosquitto.port)
    async with counter.listening(), stage.bridge(counter.port) as bridge:
        await stage.until(SessionState.CONNECTED)
        await commands.control(stage, "close")
        for number in range(amounts.runs):
            progress.part(f"commands, run {number + 1}")
            began = _cpu(bridge.pid)
            runs.claims.append(await commands.claimed(stage, counter, count=amounts.claims, run=number))
            runs.claim_cpu.append((_cpu(bridge.pid) - began) / amounts.claims * 1e6)
    for number in range(amounts.runs):
        progress.part(f"a reader that stays away, run {number + 1}")
        await runs.away.measure(stage.folder / f"away-{number}")
    return _figures(runs)


async def _start(stage: Stage, runs: _Runs) -> None:
    async with asyncio.TaskGroup() as tasks:
        began = time.time()
        first = tasks.create_task(stage.until(None), name="first status")
        connected = tasks.create_task(stage.until(SessionState.CONNECTED), name="connected")
        async with stage.bridge() as bridge:
            runs.connected.append(await connected - began)
            runs.first.append(await first - began)
            runs.idle.append(pss(bridge.pid))


async def _messages(stage: Stage, runs: _Runs, amounts: Amounts, pid: int, number: int) -> None:
    runs.trips.append(await baseline.broker(stage, count=300))
    runs.publisher.append(await baseline.throughput(stage, count=5000))
    runs.commits.append(await asyncio.to_thread(baseline.commits, stage, count=300))
    async with stage.page() as page:
        runs.batches.append(await baseline.page_batch(page, count=200))
    runs.paced.append(await inbound.paced(stage, count=amounts.paced, rate=PACE))
    began = _cpu(pid)
    runs.bursts.append(await inbound.burst(stage, count=BURST, run=number))
    runs.burst_cpu.append((_cpu(pid) - began) / BURST * 1e6)


async def _sends(stage: Stage, runs: _Runs, pid: int) -> None:
    done = [
        await sends(stage, chats=chats, count=count, server_ms=server_ms, cpu=lambda: _cpu(pid))
        for chats, count, server_ms in SENDS
    ]
    runs.sends.append(done)
    usual = [one for one in done if one.server_ms == SERVER_MS]
    runs.send_cpu.append(sum(one.cpu for one in usual) / sum(one.count for one in usual) * 1e3)


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _figures(runs: _Runs) -> list[Figure]:
    def rate(what: str, values: list[float], goal: float | None = None, *, raw: bool = False) -> Figure:
        return Figure(what, "/s", tuple(values), goal, more_is_better=True, raw=raw)

    return [
        *_latency("page event → subscriber's callback, 30 per second", runs.paced, 3.0, 15.0),
        *_latency("raw: broker, publish → delivery", runs.trips),
        *_latency("raw: durable commit of a row", runs.commits),
        *_latency("raw: page → Python, per message", runs.batches),
        rate(
            f"burst of {BURST}: until the subscriber has the last message, in order",
            runs.bursts,
            6000,
        ),
        rate("raw: publisher alone, until the PUBACKs", runs.publisher, raw=True),
        rate(
            "out → the bridge's PUBACK, after the durable claim", [claims.acknowledged for claims in runs.claims], 4000
        ),
        rate("out → accepted result at a subscriber", [claims.accepted for claims in runs.claims]),
        *(figure for number in range(len(SENDS)) for figure in _sent([of[number] for of in runs.sends])),
        Figure("CPU of the bridge, per send until the server has it", "ms", tuple(runs.send_cpu), 2.0),
        Figure("CPU of the bridge, per message of the burst", "µs", tuple(runs.burst_cpu)),
        Figure("CPU of the bridge, per command with its result", "µs", tuple(runs.claim_cpu)),
        Figure("wa bridge → first status", "s", tuple(runs.first), 1.5),
        Figure("wa bridge → connected, with a restored login", "s", tuple(runs.connected), 4.0),
        Figure("PSS of the bridge's process, connected and idle", "MB", tuple(runs.idle), 70),
        Figure("PSS of the bridge's process, after all messages of the runs", "MB", tuple(runs.after), 70),
        *runs.away.figures(),
    ]


def _sent(runs: list[Sends]) -> list[Figure]:
    first = runs[0]
    usual = first.server_ms == SERVER_MS
    where = "one chat" if first.chats == 1 else f"{first.chats} chats"
    where += "" if usual else ", a server that answers at once"
    ratios = tuple(of.bridge / of.alone for of in runs)
    goal = 45.0 if first.chats == 1 and usual else None
    return [
        Figure(f"out → sent, {where}", "/s", tuple(of.bridge for of in runs), goal, more_is_better=True),
        Figure(f"raw: the page alone, {where}", "/s", tuple(of.alone for of in runs), more_is_better=True, raw=True),
        Figure(f"out → sent ÷ the page alone, {where}", "×", ratios, 0.7 if usual else None, more_is_better=True),
    ]


def _latency(
    what: str, runs: list[list[float]], middle: float | None = None, slow: float | None = None
) -> list[Figure]:
    raw = middle is None
    return [
        Figure(f"{what}, {name}", "ms", tuple(percentile(run, share) for run in runs), goal, raw=raw)
        for name, share, goal in (("p50", 0.5, middle), ("p99", 0.99, slow))
    ]
