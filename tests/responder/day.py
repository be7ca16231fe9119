"""A day of a small shop, squeezed: `python -m tests.responder.day --minutes 5`.

Everything that makes a responder slow or wrong at once: the bridge's clock is 20 minutes ahead, the broker and MariaDB
take small packets only, and posts arrive over a slow way: those to the responder in webhook mode, those to another
listener otherwise. A day has 24 hours with the visitors of a shop; each person asks, waits for the answer and asks
again. At the end every message is recorded and answered once, and the listener had each once.

A webhook gets the posts of one chat one after another, so the way is squeezed with the day: without `--delay` all posts
in a row would take half of it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from bridge.settings import load
from responder.timing import SenderTiming, Timing
from tests.clocks import ShiftedClock
from tests.http.receiver import Receiver
from tests.loopback import http_client
from tests.mariadb_server import MariaDbServer
from tests.mosquitto_server import MosquittoServer, free_port
from tests.responder.conftest import ResponderHarness, mariadb_settings
from tests.responder.test_webhook import FacadeBridge
from tests.stream_server import stream_server

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
#: Seconds by which a post is late at most: no day needs more.
LONGEST_DELAY = 0.5
Database = Literal["mariadb", "sqlite"]


def questions(hour: int, person: int) -> int:
    """How many questions a person asks in an hour of the day; quiet hours have fewer people."""
    busy = HOURS[hour]
    if not busy or ((hour + person) % 3 and busy < max(HOURS) // 2):
        return 0
    return max(1, busy // 4)


def delay_of(people: int, hour: float) -> float:
    """Seconds by which a post may be late, there and back, so that all posts of a day in a row take half of it."""
    posts = sum(questions(each, person) for each in range(len(HOURS)) for person in range(1, people + 1))
    return min(LONGEST_DELAY, hour * len(HOURS) / (4 * posts))


@dataclass
class Day:
    """The visitors. `asked` and `answered` are texts by person; `waits` are seconds from a question to its answer."""

    harness: ResponderHarness
    people: int
    hour: float
    asked: dict[str, list[str]] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _counted: int = 0

    def answers_to(self, person: str) -> int:
        """How many messages the person has got. Cheap: all people ask it all the time."""
        sent = self.harness.bridge.phone.sent
        self._counts.update(str(one.key.remote) for one in sent[self._counted :])
        self._counted = len(sent)
        return self._counts[person]

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
        for hour in range(len(HOURS)):
            await asyncio.sleep(max(0.0, began + hour * self.hour - time.monotonic()))
            for _ in range(questions(hour, number)):
                await self._ask(person, asked)

    async def _ask(self, person: str, asked: list[str]) -> None:
        text = f"pregunta n{len(asked) % QUESTIONS}"
        asked.append(text)
        long = " ñandú" * 2_000 if sum(map(len, self.asked.values())) % LONG == 0 else ""
        began = time.monotonic()
        self.harness.bridge.phone.incoming(person, text + long)
        async with asyncio.timeout(120):
            while self.answers_to(person) < len(asked):  # noqa: ASYNC110 - the phone has no event for it
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
        assert self._by_person((f"{person}@c.us", text) for person, text in lines) == self.asked

    async def check_listener(self, listener: Receiver) -> None:
        """Wait for its posts; raise AssertionError unless it had each question once, in order within its chat."""
        total = sum(map(len, self.asked.values()))
        posts = await listener.got(total, within=60 + total * 2 * LONGEST_DELAY)
        assert self._by_person((post.json["from"], post.json["body"]) for post in posts) == self.asked

    def _by_person(self, texts: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {person: [] for person in self.asked}
        for person, text in texts:
            found.setdefault(person, []).append(" ".join(text.split(" ")[:2]))
        return found


@asynccontextmanager
async def slow_way(port: int, delay: float) -> AsyncIterator[int]:
    """A port that forwards to `port`; what is sent over it arrives `delay` seconds later."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                await asyncio.sleep(delay)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(pump(reader, outer), pump(inner, writer))
        finally:
            outer.transport.abort()

    async with stream_server(forward) as forwarded:
        yield forwarded


async def run(
    folder: Path, database: MariaDbServer | None, *, webhook: bool, people: int, hour: float, delay: float
) -> Day:
    """One day, over the broker or by webhooks, on SQLite without a server. `hour`, `delay`: seconds.

    Raises AssertionError.
    """
    await asyncio.to_thread(folder.mkdir)
    await asyncio.to_thread((folder / "rules.yaml").write_text, RULES)
    settings: dict[str, Any] = {"data_dir": folder / "responder"}
    if database is not None:
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
            async with AsyncExitStack() as stack:
                listener = await stack.enter_async_context(Receiver())
                way = await stack.enter_async_context(slow_way(port if webhook else listener.port, delay))
                if webhook:
                    options |= {
                        "sender_url": bridge.url,
                        "callback_url": f"http://127.0.0.1:{way}/api/message-received",
                    }
                else:  # a slow listener beside the responder holds nothing up
                    async with http_client(bridge.url) as http:
                        slow = {"callbackUrl": f"http://127.0.0.1:{way}/"}
                        (await http.post("/api/whatsapp/register-listener", json=slow)).raise_for_status()
                responder = await harness.start(
                    wait=False, port=port, timing=Timing(sender=SenderTiming(registration=2.0))
                )
                await harness.until(lambda: not responder.health.problems(), within=60)
                day = Day(harness, people, hour)
                await day.pass_by()
                await day.check()
                if not webhook:
                    await day.check_listener(listener)
                return day
        finally:
            await harness.stop()
            await bridge.stop()


async def run_both(kind: Database, *, people: int, minutes: float, delay: float | None) -> None:
    """A day over the broker and one by webhooks; prints their figures. Raises AssertionError."""
    hour = minutes * 60 / len(HOURS)
    late = delay_of(people, hour) if delay is None else delay
    with tempfile.TemporaryDirectory(prefix="day-") as name, ExitStack() as stack:
        database = stack.enter_context(MariaDbServer(Path(name) / "maria")) if kind == "mariadb" else None
        for webhook in (False, True):
            began = time.monotonic()
            print(f"{'webhooks' if webhook else 'broker'}, {kind}: a day of about {minutes:g} minutes", flush=True)
            day = await run(Path(name) / str(webhook), database, webhook=webhook, people=people, hour=hour, delay=late)
            waits = sorted(day.waits)
            print(
                f"{'webhooks' if webhook else 'broker'}, {kind}: {len(waits)} questions of {people} people in"
                f" {time.monotonic() - began:.0f} s, each post {late * 2_000:.0f} ms late; each recorded and answered"
                f" once; answer after {waits[len(waits) // 2]:.2f} s (p99 {waits[int(len(waits) * 0.99)]:.2f} s)",
                flush=True,
            )


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long each day takes at least")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--delay", type=float, help="seconds by which each post is late, each way")
    parser.add_argument("--database", choices=[*get_args(Database), "both"], default="both")
    options = parser.parse_args()
    for kind in get_args(Database):
        if options.database in (kind, "both"):
            await run_both(kind, people=options.people, minutes=options.minutes, delay=options.delay)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
