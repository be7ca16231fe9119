"""Benchmark of the responder: latency from a message on `in` to the answer on `out`, per database; its memory.

    python -m bench.responder [--write | --memory]

mosquitto with the shipped configuration, a bridge with a scripted phone, and `wa responder`, each in its own process.
Every message is a greeting from a different person, which a rule answers at once. Measured: recording, decision, commit
of the answer, and both MQTT hops.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.figures import Figure, percentile
from bench.report import report
from bench.scripted_program import person
from bench.stage import ROOT, SESSION, TIMEOUT, TOPICS, Program, end, program, pss
from bridge.broker import BrokerConnection, BrokerOptions, connect, parse_addresses
from tests.mariadb_server import MariaDbServer
from tests.mosquitto_server import MosquittoServer
from tests.responder.openai_server import OpenAiServer

#: Messages per second of the paced part; messages per second and seconds of the load part.
PACE, OFFERED, SECONDS = 30, 210, 15
BEGIN, END = "<!-- written by python -m bench.responder -->\n", "<!-- end of bench.responder -->\n"
#: Seconds between the last answer and the memory measurement.
IDLE = 2.0


class Customers:
    """Simulated customers; records when a subscriber to both topics received each message and its answer."""

    def __init__(self, bridge: Program, connection: BrokerConnection) -> None:
        self._bridge = bridge
        self._connection = connection
        self._next = 0
        self._received: dict[str, dict[str, float]] = {TOPICS.inbound(SESSION): {}, TOPICS.out(SESSION): {}}
        self._changed = asyncio.Event()

    async def listen(self) -> None:
        async for delivery in self._connection.deliveries():
            now = time.perf_counter()
            self._connection.acknowledge(delivery)
            fields = json.loads(delivery.payload)
            self._received[delivery.topic].setdefault(fields.get("to") or fields["chat"], now)
            self._changed.set()

    async def write(self, count: int, rate: float, text: str = "hola") -> list[tuple[float, float]]:
        """Let `count` new customers write; returns (asked, answered) of each, in `perf_counter` seconds."""
        first, self._next = self._next, self._next + count
        self._bridge.send({"first": first, "count": count, "rate": rate, "text": text})
        writers = [person(number) for number in range(first, first + count)]
        asked, answered = self._received.values()
        async with asyncio.timeout(count / rate + TIMEOUT):
            while any(one not in answered for one in writers):
                self._changed.clear()
                await self._changed.wait()
        return [(asked[one], answered[one]) for one in writers]


@asynccontextmanager
async def _responder(**environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WA_", "RESPONDER_", "DB_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bridge.cli",
        "responder",
        cwd=ROOT,
        env={**kept, **environment, "WA_LOG_LEVEL": "WARNING"},
    )
    try:
        yield process
    finally:
        await end(process)


@asynccontextmanager
async def _customers(folder: Path) -> AsyncIterator[tuple[Customers, MosquittoServer]]:
    with MosquittoServer(folder / "mosquitto") as mosquitto:
        options = BrokerOptions(
            parse_addresses(mosquitto.url("admin")), client_id="bench-customers", clean=True, inbound_limit=100_000
        )
        async with (
            program("scripted_program", mosquitto.url("bridge"), str(folder / "bridge")) as bridge,
            connect(options) as connection,
        ):
            await bridge.line()  # connected
            customers = Customers(bridge, connection)
            await connection.subscribe(TOPICS.inbound(SESSION), TOPICS.out(SESSION))
            listening = asyncio.create_task(customers.listen(), name="listening")
            try:
                yield customers, mosquitto
            finally:
                listening.cancel()
                await asyncio.wait([listening])


def _settings(folder: Path, mosquitto: MosquittoServer, **more: str) -> dict[str, str]:
    return {
        "WA_MQTT_URL": mosquitto.url("responder"),
        "WA_DATA_DIR": str(folder / "responder"),
        "PORT": "0",
        "RESPONDER_TOTAL_BUDGET": "0",
        **more,
    }


async def _measure_on(name: str, *, memory_only: bool = False, **database: str) -> list[Figure]:
    """Measure everything on one database."""
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as text:
        folder = Path(text)
        async with (
            _customers(folder) as (customers, mosquitto),
            _responder(**_settings(folder, mosquitto, **database)) as responder,
        ):
            await customers.write(1, 1)
            await asyncio.sleep(IDLE)
            idle = Figure(f"{name}: idle PSS, rules only", "MB", (pss(responder.pid),), 70)
            if memory_only:
                return [idle]
            await customers.write(60, PACE)
            paced = [(b - a) * 1000 for a, b in await customers.write(600, PACE)]
            offered = await customers.write(OFFERED * SECONDS, OFFERED)
            took = max(answered for _, answered in offered) - min(asked for asked, _ in offered)
            rate, slowest = len(offered) / took, percentile([b - a for a, b in offered], 0.99) * 1000
            load = f"{OFFERED} messages per second for {SECONDS} s"
            return [
                Figure(f"{name}: in → out, {PACE} per second, p50", "ms", (percentile(paced, 0.5),), 15),
                Figure(f"{name}: in → out, {PACE} per second, p99", "ms", (percentile(paced, 0.99),)),
                Figure(f"{name}: answers per second, {load}", "/s", (rate,), 200, more_is_better=True),
                Figure(f"{name}: in → out during that load, p99", "ms", (slowest,)),
                idle,
                Figure(f"{name}: PSS after all load", "MB", (pss(responder.pid),)),
            ]


async def _measure_with_model(name: str, **database: str) -> Figure:
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as text:
        folder = Path(text)
        async with OpenAiServer() as server, _customers(folder) as (customers, mosquitto):
            model = {"OPENAI_API_KEY": "clave-de-prueba", "OPENAI_BASE_URL": server.url}
            async with _responder(**_settings(folder, mosquitto, **model, **database)) as responder:
                await customers.write(3, 1, "¿Tienen turno el martes a la tarde?")
                await asyncio.sleep(IDLE)
                return Figure(f"{name}: idle PSS after model answers", "MB", (pss(responder.pid),), 90)


async def measure(*, memory_only: bool) -> list[Figure]:
    """Measure everything once, or only memory, which a busy machine does not change."""
    figures: list[Figure] = await _measure_on("SQLite", memory_only=memory_only)
    with tempfile.TemporaryDirectory(prefix="wa-db-") as folder, MariaDbServer(Path(folder) / "db") as server:
        server.create("bench")
        server.create("bench_model")
        access: dict[str, Any] = {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(server.port),
            "DB_USER": server.user,
            "DB_PASSWORD": server.password,
            "DB_DATABASE": "bench",
        }
        figures += await _measure_on("MariaDB", memory_only=memory_only, **access)
        figures.append(await _measure_with_model("MariaDB", **{**access, "DB_DATABASE": "bench_model"}))
    return [*figures, await _measure_with_model("SQLite")]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.responder", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/BENCHMARKS.md")
    parser.add_argument("--memory", action="store_true", help="measure memory only; writes nothing")
    options = parser.parse_args()
    write = options.write and not options.memory
    report(lambda: asyncio.run(measure(memory_only=options.memory)), BEGIN, END, write=write, runs=1)


if __name__ == "__main__":
    main()
