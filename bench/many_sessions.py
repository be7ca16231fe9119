"""Many sessions in one bridge: how long until all are connected, and what a further one costs.

    python -m bench.many_sessions [--sessions 16] [--write]

Each session has a browser of its own, and its own device of the sandbox's account. Memory is the proportional set size
of the bridge, Playwright's Node.js and all browsers; "its page" are a browser's renderer processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import Figure
from bench.report import report
from bench.stage import TOPICS, Stage, phone, pss, stage
from bridge.contract.session import SessionState

BEGIN, END = "<!-- written by python -m bench.many_sessions -->\n", "<!-- end of bench.many_sessions -->\n"
SESSIONS = 16
#: Seconds for all sessions to pair or to connect; between the last connection and the measurement.
LIMIT, REST = 240.0, 5.0


@dataclass(frozen=True, slots=True)
class _Memory:
    """Megabytes of all processes, and of the renderers among them."""

    total: float
    pages: float


def _settings(stage: Stage, count: int) -> dict[str, str]:
    return {
        "WA_DATA_DIR": str(stage.folder / "many"),
        "WA_SESSIONS": ",".join(f"s{number}={number}" for number in range(count)),
        "WA_BROWSER_ARGS": "",
    }


def _bridge(stage: Stage, count: int) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    return stage.bridge(None, **_settings(stage, count))


@dataclass(frozen=True, slots=True)
class SessionCost:
    """A bridge with `sessions` sessions: seconds until all are connected, megabytes in all and of the pages alone.

    `cpu` is the share of one core that all processes use while nothing happens.
    """

    sessions: int
    seconds: float
    total: float
    pages: float
    cpu: float


async def costs(stage: Stage, counts: Sequence[int]) -> list[SessionCost]:
    """Pair the most sessions, then start a bridge with each count of them."""
    async with _bridge(stage, max(counts)):
        await _until_connected(stage, max(counts), pair=True)
    return [await _cost(stage, count) for count in counts]


async def _cost(stage: Stage, count: int) -> SessionCost:
    began = time.monotonic()
    async with _bridge(stage, count) as bridge:
        await _until_connected(stage, count)
        seconds = time.monotonic() - began
        await asyncio.sleep(REST)
        used = _cpu(bridge.pid)
        await asyncio.sleep(REST)
        used = _cpu(bridge.pid) - used
        memory = _memory(bridge.pid)
    return SessionCost(count, seconds, memory.total, memory.pages, used / REST)


async def measure(stage: Stage, sessions: int = SESSIONS) -> list[Figure]:
    """Pair the sessions, start a bridge with one and with all of them, and compare."""
    alone, together = await costs(stage, (1, sessions))
    page = together.pages / sessions
    further = (together.total - alone.total) / (sessions - 1)
    return [
        Figure(f"wa bridge → all of {sessions} sessions connected, with restored logins", "s", (together.seconds,), 60),
        Figure("PSS of bridge, Node.js and browser with one session", "MB", (alone.total,)),
        Figure(f"PSS of all with {sessions} sessions", "MB", (together.total,)),
        Figure("PSS of a further session", "MB", (further,)),
        Figure("of that its page", "MB", (page,)),
        Figure("PSS of a further session beyond its page", "MB", (further - page,), 60),
    ]


async def _until_connected(stage: Stage, sessions: int, *, pair: bool = False) -> None:
    """Wait for a live `connected` of each session; with `pair`, scan each code that is shown."""
    waiting = {f"s{number}" for number in range(sessions)}
    async with stage.connection() as connection, phone(stage) as api, asyncio.timeout(LIMIT):
        await connection.subscribe(TOPICS.status("+"))
        if pair:
            await connection.subscribe(TOPICS.qr("+"))
        async for delivery in connection.deliveries():
            connection.acknowledge(delivery)
            if delivery.retain or not delivery.payload:
                continue
            fields = json.loads(delivery.payload)
            if "code" in fields:
                if fields["code"]:
                    await api.post("/scan", json={"ref": fields["code"]})
            elif fields["state"] == SessionState.CONNECTED:
                waiting.discard(fields["session"])
                if not waiting:
                    return


def _memory(bridge: int) -> _Memory:
    total = pages = 0.0
    processes = [psutil.Process(bridge), *psutil.Process(bridge).children(recursive=True)]
    for process in processes:
        with suppress(psutil.NoSuchProcess, OSError, AssertionError):
            used = pss(process.pid)
            total += used
            pages += used if "--type=renderer" in " ".join(process.cmdline()) else 0
    return _Memory(total, pages)


def _cpu(bridge: int) -> float:
    """Seconds of CPU that all running processes have used."""
    used = 0.0
    for process in [psutil.Process(bridge), *psutil.Process(bridge).children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            used += sum(process.cpu_times()[:2])
    return used


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.many_sessions", description="Measure many sessions in one bridge.")
    parser.add_argument("--sessions", type=int, default=SESSIONS, help=f"number of sessions ({SESSIONS})")
    parser.add_argument("--write", action="store_true", help="write the table into docs/BENCHMARKS.md")
    options = parser.parse_args()
    report(lambda: asyncio.run(_run(options.sessions)), BEGIN, END, write=options.write, runs=1)


async def _run(sessions: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as folder:
        async with stage(Path(folder)) as environment:
            return await measure(environment, sessions)


if __name__ == "__main__":
    main()
