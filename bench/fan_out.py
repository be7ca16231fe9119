"""MQTT while a thousand webhooks get the same messages, beside the same messages without webhooks.

    python -m bench.fan_out [--listeners 1000] [--rounds 4] [--write]

Everything is real except WhatsApp (a scripted phone). The subscriber and the receivers of the posts are processes of
their own; they share the cores. Each round writes `BURST` messages, `EVERY` seconds apart, and waits for all posts.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx

from bench.facade import ServedBridge, receive, started
from bench.figures import Figure, percentile
from bench.report import report
from bench.stage import program
from tests.mosquitto_server import MosquittoServer

BURST, EVERY = 5, 0.1
CHAT = "5491155500001@c.us"
BEGIN, END = "<!-- written by python -m bench.fan_out -->\n", "<!-- end of bench.fan_out -->\n"


class LoopLag:
    """Milliseconds by which a task of the bridge's loop that sleeps 2 ms wakes late; an `async with`."""

    def __init__(self) -> None:
        self.late: list[float] = []

    async def __aenter__(self) -> LoopLag:
        self._task = asyncio.create_task(self._run(), name="loop lag")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.002)
            self.late.append((time.perf_counter() - began - 0.002) * 1000)


async def _rounds(served: ServedBridge, url: str, rounds: int, pause: float) -> tuple[list[float], list[float]]:
    """Milliseconds to the subscriber of each message, and the lag of the loop meanwhile."""
    sent: list[float] = []
    async with program("subscriber_program", url, str(rounds * BURST)) as subscriber, LoopLag() as lag:
        await subscriber.line()  # subscribed
        for _ in range(rounds):
            for _ in range(BURST):
                sent.append(time.time())
                served.phone.incoming(CHAT, str(sent[-1]))
                await asyncio.sleep(EVERY)
            await asyncio.sleep(pause)
        rows = await subscriber.line()
    return [(at - began) * 1000 for began, (_, _, at) in zip(sent, rows, strict=True)], lag.late


async def measure(listeners: int, rounds: int) -> list[Figure]:
    """Quiet and with the webhooks, in one run of the bridge. Raises AssertionError where a post is missing."""
    with tempfile.TemporaryDirectory() as folder, MosquittoServer(Path(folder) / "mosquitto") as mosquitto:
        async with ServedBridge(Path(folder) / "data", mosquitto.url("bridge")) as served:
            url = mosquitto.url("reader")
            await _rounds(served, url, 1, 0.0)  # warm
            quiet, quiet_lag = await _rounds(served, url, rounds, 0.5)
            process, ours = started(receive, listeners, 0, rounds * BURST)
            port = await asyncio.to_thread(ours.recv)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as client:
                for number in range(listeners):
                    where = {"callbackUrl": f"http://127.0.0.1:{port}/{number}"}
                    answer = await client.post("/api/whatsapp/register-listener", json=where)
                    answer.raise_for_status()
            busy, busy_lag = await _rounds(served, url, rounds, BURST * listeners / 800)
            delays: list[float] = await asyncio.to_thread(ours.recv)
            process.join()
    if len(delays) != listeners * rounds * BURST:
        raise AssertionError(f"{listeners * rounds * BURST - len(delays)} posts are missing")
    meanwhile = f"while {listeners:,} webhooks get it"
    ratio = statistics.median(busy) / statistics.median(quiet)
    return [
        Figure("page event → subscriber, p50, quiet", "ms", (statistics.median(quiet),)),
        Figure(f"the same {meanwhile}, p50", "ms", (statistics.median(busy),)),
        Figure("ratio of the two", "×", (ratio,), 2.0),
        Figure("page event → subscriber, p99, quiet", "ms", (percentile(quiet, 0.99),)),
        Figure(f"the same {meanwhile}, p99", "ms", (percentile(busy, 0.99),)),
        Figure("lag of the event loop, p99, quiet", "ms", (percentile(quiet_lag, 0.99),)),
        Figure(f"the same {meanwhile}, p99", "ms", (percentile(busy_lag, 0.99),)),
        Figure(f"the same {meanwhile}, longest", "ms", (max(busy_lag),)),
        Figure("page event → receiver of a post, p50", "ms", (statistics.median(delays) * 1000,)),
        Figure("page event → receiver of a post, longest", "ms", (max(delays) * 1000,)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.fan_out", description="MQTT beside many webhooks.")
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="write docs/BENCHMARKS.md")
    options = parser.parse_args()
    report(lambda: asyncio.run(measure(options.listeners, options.rounds)), BEGIN, END, write=options.write, runs=1)


if __name__ == "__main__":
    main()
