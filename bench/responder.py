"""The responder's figures: from a message on `in` to the answer's command on `out`, on each database; its memory.

    python -m bench.responder [--write | --memory]

mosquitto as we ship it, a bridge with a scripted phone, and `wa responder`, each in a process of its own. Every message
is a greeting of somebody else, so that a rule answers it at once; what is measured is recording, deciding, the turn's
commit, and the way in and out.
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
from bench.parts import PATIENCE, ROOT, SESSION, TOPICS, Program, end, program, pss
from bench.report import announce
from bench.scripted_program import person
from bridge.broker import BrokerConnection, BrokerOptions, connect, parse_addresses
from tests.mariadb_server import MariaDbServer
from tests.mosquitto_server import MosquittoServer
from tests.responder.openai_server import OpenAiServer

#: Messages a second, and seconds of it: what one sees, and what it has to bear.
PACE, OFFERED, SECONDS = 30, 210, 15
BEGIN, END = "<!-- written by python -m bench.responder -->\n", "<!-- end of the responder's -->\n"
#: Seconds after the last answer until its memory is looked at.
AT_REST = 2.0


class People:
    """Those who write, and when each message and its answer were heard by somebody who subscribes to both."""

    def __init__(self, bridge: Program, connection: BrokerConnection) -> None:
        self._bridge = bridge
        self._connection = connection
        self._next = 0
        self._heard: dict[str, dict[str, float]] = {TOPICS.inbound(SESSION): {}, TOPICS.out(SESSION): {}}
        self._news = asyncio.Event()

    async def listen(self) -> None:
        async for delivery in self._connection.deliveries():
            now = time.perf_counter()
            self._connection.acknowledge(delivery)
            fields = json.loads(delivery.payload)
            self._heard[delivery.topic].setdefault(fields.get("to") or fields["chat"], now)
            self._news.set()

    async def write(self, count: int, rate: float, text: str = "hola") -> list[tuple[float, float]]:
        """Let so many others write; (asked, answered) of each, in `perf_counter` seconds."""
        first, self._next = self._next, self._next + count
        self._bridge.tell({"first": first, "count": count, "rate": rate, "text": text})
        people = [person(number) for number in range(first, first + count)]
        asked, answered = self._heard.values()
        async with asyncio.timeout(count / rate + PATIENCE):
            while any(one not in answered for one in people):
                self._news.clear()
                await self._news.wait()
        return [(asked[one], answered[one]) for one in people]


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
async def _people(folder: Path) -> AsyncIterator[tuple[People, MosquittoServer]]:
    with MosquittoServer(folder / "mosquitto") as mosquitto:
        options = BrokerOptions(
            parse_addresses(mosquitto.url("admin")), client_id="bench-people", clean=True, inbound_limit=100_000
        )
        async with (
            program("scripted_program", mosquitto.url("bridge"), str(folder / "bridge")) as bridge,
            connect(options) as connection,
        ):
            await bridge.line()  # connected
            people = People(bridge, connection)
            await connection.subscribe(TOPICS.inbound(SESSION), TOPICS.out(SESSION))
            listening = asyncio.create_task(people.listen(), name="listening")
            try:
                yield people, mosquitto
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


async def _on(name: str, *, memory_only: bool = False, **database: str) -> list[Figure]:
    """All figures on one database."""
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as text:
        folder = Path(text)
        async with (
            _people(folder) as (people, mosquitto),
            _responder(**_settings(folder, mosquitto, **database)) as responder,
        ):
            await people.write(1, 1)
            await asyncio.sleep(AT_REST)
            rest = Figure(f"{name}: PSS at rest, rules only", "MB", (pss(responder.pid),), 70)
            if memory_only:
                return [rest]
            await people.write(60, PACE)
            paced = [(b - a) * 1000 for a, b in await people.write(600, PACE)]
            offered = await people.write(OFFERED * SECONDS, OFFERED)
            took = max(answered for _, answered in offered) - min(asked for asked, _ in offered)
            rate, slowest = len(offered) / took, percentile([b - a for a, b in offered], 0.99) * 1000
            told = f"{OFFERED} offered for {SECONDS} s"
            return [
                Figure(f"{name}: in → out, {PACE} a second, p50", "ms", (percentile(paced, 0.5),), 15),
                Figure(f"{name}: in → out, {PACE} a second, p99", "ms", (percentile(paced, 0.99),)),
                Figure(f"{name}: answers a second at {told}", "/s", (rate,), 200, more_is_better=True),
                Figure(f"{name}: in → out meanwhile, p99", "ms", (slowest,)),
                rest,
                Figure(f"{name}: PSS after all of it", "MB", (pss(responder.pid),)),
            ]


async def _with_model(name: str, **database: str) -> Figure:
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as text:
        folder = Path(text)
        async with OpenAiServer() as server, _people(folder) as (people, mosquitto):
            model = {"OPENAI_API_KEY": "clave-de-prueba", "OPENAI_BASE_URL": server.url}
            async with _responder(**_settings(folder, mosquitto, **model, **database)) as responder:
                await people.write(3, 1, "¿Tienen turno el martes a la tarde?")
                await asyncio.sleep(AT_REST)
                return Figure(f"{name}: PSS at rest after answers of a model", "MB", (pss(responder.pid),), 90)


async def measure(*, memory_only: bool) -> list[Figure]:
    """Everything once, or what it takes of memory alone, which a busy machine does not change."""
    figures: list[Figure] = await _on("SQLite", memory_only=memory_only)
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
        figures += await _on("MariaDB", memory_only=memory_only, **access)
        figures.append(await _with_model("MariaDB", **{**access, "DB_DATABASE": "bench_model"}))
    return [*figures, await _with_model("SQLite")]


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(prog="bench.responder", description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/BENCHMARKS.md")
    parser.add_argument("--memory", action="store_true", help="memory alone; writes nothing")
    options = parser.parse_args()
    write = options.write and not options.memory
    announce(lambda: asyncio.run(measure(memory_only=options.memory)), BEGIN, END, write=write, runs=1)


if __name__ == "__main__":
    main()
