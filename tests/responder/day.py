"""A day of a small shop, squeezed: `python -m tests.responder.day --minutes 5`.

Everything that makes a responder slow or wrong at once: the bridge's clock is 20 minutes ahead, the broker and MariaDB
take small packets only, and in webhook mode the posts arrive over a slow way. A day has 24 hours with the visitors of
a shop; each person asks, waits for the answer and asks again. At the end every message is recorded and answered once.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bridge.settings import load
from responder.timing import SenderTiming, Timing
from tests.clocks import ShiftedClock
from tests.mariadb_server import MariaDbServer
from tests.mosquitto_server import MosquittoServer, free_port
from tests.responder.conftest import ResponderHarness, mariadb_settings
from tests.responder.test_webhook import FacadeBridge

SKEW = 1200.0
BROKER_PACKET, DATABASE_PACKET = 65_536, 65_536
#: Questions of each hour, from midnight on; a person asks all questions of an hour one after the other.
HOURS = (1, 0, 0, 0, 0, 1, 2, 4, 6, 8, 9, 10, 9, 6, 4, 4, 7, 9, 10, 9, 7, 5, 3, 2)
#: Every that many questions one is as long as a statement may be.
LONG = 10
QUESTIONS = 200  # distinct ones: an answer is not repeated within the duplicate window
RULES = "version: 1\nrules:\n" + "".join(
    f"- {{name: p{number}, when: {{starts: pregunta n{number}}}, answer: respuesta n{number}}}\n"
    for number in range(QUESTIONS)
)


@dataclass
class Day:
    """The visitors. `asked` and `answered` are texts by person; `waits` are seconds from a question to its answer."""

    harness: ResponderHarness
    people: int
    hour: float
    asked: dict[str, list[str]] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    def answered(self) -> dict[str, list[str]]:
        answers: dict[str, list[str]] = {person: [] for person in self.asked}
        for sent in self.harness.bridge.phone.sent:
            answers.setdefault(str(sent.key.remote), []).extend([sent.text] * sent.times)
        return answers

    async def pass_by(self) -> None:
        """All people through all hours."""
        await asyncio.gather(*(self._visit(f"54911555{n:05}@c.us", n) for n in range(1, self.people + 1)))

    async def _visit(self, person: str, number: int) -> None:
        asked = self.asked[person] = []
        began = time.monotonic()
        for hour, questions in enumerate(HOURS):
            await asyncio.sleep(max(0.0, began + hour * self.hour - time.monotonic()))
            if (hour + number) % 3 and questions < max(HOURS) // 2:
                continue  # quiet hours have fewer people
            for _ in range(max(1, questions // 4) if questions else 0):
                await self._ask(person, asked)

    async def _ask(self, person: str, asked: list[str]) -> None:
        text = f"pregunta n{len(asked) % QUESTIONS}"
        asked.append(text)
        long = " ñandú" * 2_000 if sum(map(len, self.asked.values())) % LONG == 0 else ""
        began = time.monotonic()
        self.harness.bridge.phone.incoming(person, text + long)
        async with asyncio.timeout(120):
            while len(self.answered()[person]) < len(asked):  # noqa: ASYNC110 - the phone has no event for it
                await asyncio.sleep(0.05)
        self.waits.append(time.monotonic() - began)

    async def check(self) -> None:
        """Raise AssertionError unless each was recorded once and answered once, by its own answer."""
        expected = {
            person: [one.replace("pregunta", "respuesta") for one in asked] for person, asked in self.asked.items()
        }
        assert self.answered() == expected
        total = sum(map(len, self.asked.values()))
        await self.harness.until_rows("SELECT state, COUNT(*) FROM wa_turn GROUP BY state", [("sent", total)])
        theirs = await self.harness.rows("SELECT verdict, turn_id FROM wa_message WHERE verdict <> 'sent'")
        assert Counter(verdict for verdict, _ in theirs) == {"answered": total}
        assert len({turn for _, turn in theirs}) == total
        lines = await self.harness.rows(
            "SELECT telefono, mensaje FROM ll_ia_conversaciones WHERE rol = 'user' ORDER BY id"
        )
        recorded: dict[str, list[str]] = {}
        for person, text in lines:
            recorded.setdefault(f"{person}@c.us", []).append(" ".join(text.split(" ")[:2]))
        assert recorded == self.asked


@asynccontextmanager
async def slow_way(port: int, delay: float) -> AsyncIterator[int]:
    """A port that forwards to `port`; what is sent over it arrives `delay` seconds later."""
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                await asyncio.sleep(delay)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        writers.extend((writer, outer))
        await asyncio.gather(pump(reader, outer), pump(inner, writer))

    server = await asyncio.start_server(forward, "127.0.0.1")
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def run(folder: Path, database: MariaDbServer, *, webhook: bool, people: int, hour: float, delay: float) -> Day:
    """One day, over the broker or by webhooks. `hour` and `delay` in seconds. Raises AssertionError."""
    await asyncio.to_thread(folder.mkdir)
    await asyncio.to_thread((folder / "rules.yaml").write_text, RULES)
    settings = mariadb_settings(database, database.create(f"day_{'webhook' if webhook else 'broker'}"))
    database.sql(f"SET GLOBAL max_allowed_packet = {DATABASE_PACKET}")
    with MosquittoServer(folder / "mosquitto", extra=f"max_packet_size {BROKER_PACKET}\n") as broker:
        bridge = FacadeBridge(
            load(addresses=broker.url("bridge"), data_dir=folder / "bridge", pace="off", instance="test"),
            ShiftedClock(SKEW),
        )
        await bridge.start_with_facade()
        options: dict[str, Any] = {"rules_file": folder / "rules.yaml", "chat_budget": 0, "total_budget": 0}
        harness = ResponderHarness(bridge, broker, settings, options)
        port = free_port()
        try:
            async with slow_way(port, delay) as way:
                if webhook:
                    options |= {
                        "sender_url": bridge.url,
                        "callback_url": f"http://127.0.0.1:{way}/api/message-received",
                    }
                else:  # a slow listener beside the responder holds nothing up
                    async with httpx.AsyncClient(base_url=bridge.url) as http:
                        slow = {"callbackUrl": f"http://127.0.0.1:{way}/"}
                        (await http.post("/api/whatsapp/register-listener", json=slow)).raise_for_status()
                responder = await harness.start(
                    wait=False, port=port, timing=Timing(sender=SenderTiming(registration=2.0))
                )
                await harness.until(lambda: responder.is_working, within=60)
                day = Day(harness, people, hour)
                await day.pass_by()
                await day.check()
                return day
        finally:
            await harness.stop()
            await bridge.stop()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long each of the two days takes at least")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--delay", type=float, default=0.5, help="seconds by which each post is late")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="day-") as name, MariaDbServer(Path(name) / "maria") as database:
        for webhook in (False, True):
            began = time.monotonic()
            hour = options.minutes * 60 / len(HOURS)
            day = await run(
                Path(name) / str(webhook),
                database,
                webhook=webhook,
                people=options.people,
                hour=hour,
                delay=options.delay,
            )
            waits = sorted(day.waits)
            print(
                f"{'webhooks' if webhook else 'broker'}: {len(waits)} questions of {options.people} people in"
                f" {time.monotonic() - began:.0f} s; each recorded and answered once; answer after"
                f" {waits[len(waits) // 2]:.2f} s (p99 {waits[int(len(waits) * 0.99)]:.2f} s)",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
