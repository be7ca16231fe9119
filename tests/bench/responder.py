"""Measures the responder: time from a message on MQTT to its `out` command, messages a second, memory at rest.

    .venv/bin/python -m tests.bench.responder [--mariadb] [--count 200] [--rate 200]

Plays the bridge on a real mosquitto: publishes inbound messages, answers commands with their results. The responder is
a process of its own with the shipped rules.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bridge.broker import BrokerOptions, Connection, connect, parse_addresses
from bridge.contract.messages import Inbound, Result, ResultStatus
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Leaf, Topics
from tests.mariadb_server import MariaDbServer
from tests.mosquitto_server import MosquittoServer

SESSION, EPOCH = "haby", "bench"
TOPICS = Topics()
PROGRAM = Path(__file__).parent.parent / "responder/responder_program.py"


class PlayedBridge:
    """Publishes messages and answers commands; notes when each message left and when its command came."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.seq = 0
        self.sent: dict[str, float] = {}
        self.answered: dict[str, float] = {}
        self.readers: set[str] = set()

    async def status(self) -> None:
        """The retained status, without which a reader does not know where the stream is."""
        now = instant(time.time())
        status = SessionStatus(
            session=SESSION, state=SessionState.CONNECTED, reason=Reason.READY, text="", since=now, at=now,
            owner="bench", epoch=EPOCH, first_seq=None, last_seq=self.seq,
        )  # fmt: skip
        await self._connection.publish(TOPICS.status(SESSION), status.to_json(), retain=True)

    async def message(self, person: int, text: str) -> None:
        """One inbound message."""
        self.seq += 1
        chat = f"549115550{person:04d}@c.us"
        message = Inbound(
            session=SESSION, epoch=EPOCH, seq=self.seq, id=f"false_{chat}_3EB0{self.seq:012X}", from_=chat, chat=chat,
            author=chat, body=text, type="chat", timestamp=int(time.time()), cliente_id=51, late=False,
        )  # fmt: skip
        self.sent[chat] = time.perf_counter()
        await self._connection.publish(TOPICS.inbound(SESSION), message.to_json())

    async def run(self) -> None:
        """Answer commands."""
        await self._connection.subscribe(*TOPICS.commands(SESSION))
        async for delivery in self._connection.deliveries():
            self._connection.acknowledge(delivery)
            topic = TOPICS.parse(delivery.topic)
            command = json.loads(delivery.payload)
            if topic is None or topic.leaf is not Leaf.OUT:
                if "request" in command:
                    await self._end_replay(command)
                continue
            self.answered.setdefault(command["to"], time.perf_counter())
            result = Result(
                session=SESSION, id=command["id"], status=ResultStatus.SENT, to=command["to"], at=instant(time.time())
            )
            await self._connection.publish(command["reply_topic"], result.to_json())

    async def _end_replay(self, request: dict[str, object]) -> None:
        end = {
            "v": 1, "session": SESSION, "done": True, "request": request["request"], "stream": request["stream"],
            "epoch": EPOCH, "first_seq": None, "last_seq": 0, "next": None, "gap": False,
        }  # fmt: skip
        await self._connection.publish(TOPICS.replay(SESSION, str(request["reader"])), json.dumps(end))
        self.readers.add(str(request["stream"]))


def database(stack: ExitStack, folder: Path, mariadb: bool) -> dict[str, str]:
    """Environment that names the database."""
    if not mariadb:
        return {}
    server = stack.enter_context(MariaDbServer(folder / "mariadb"))
    return {
        "DB_HOST": "127.0.0.1", "DB_PORT": str(server.port), "DB_USER": server.user, "DB_PASSWORD": server.password,
        "DB_DATABASE": server.create("bench"),
    }  # fmt: skip


async def measure(count: int, rate: float, mariadb: bool) -> None:
    """Run everything and print the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(MosquittoServer(folder / "mosquitto"))
        environment = {
            **os.environ, **database(stack, folder, mariadb), "WA_DATA_DIR": str(folder / "data"), "PORT": "0",
            "RESPONDER_CHAT_BUDGET": "0", "RESPONDER_TOTAL_BUDGET": "0", "PYTHONPATH": str(PROGRAM.parents[2]),
        }  # fmt: skip
        log = stack.enter_context((folder / "log").open("wb"))
        command = [sys.executable, str(PROGRAM), broker.url("responder")]
        child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: ASYNC220
        try:
            options = BrokerOptions(parse_addresses(broker.url("bridge")), client_id="bench-bridge", clean=True)
            async with connect(options) as connection:
                bridge = PlayedBridge(connection)
                answering = asyncio.create_task(bridge.run(), name="bench answers")
                await bridge.status()
                await until(lambda: len(bridge.readers) == 2, 30)
                await bridge.message(9999, "hola")
                await until(lambda: len(bridge.answered) == 1, 30)
                await asyncio.sleep(1)
                memory = psutil.Process(child.pid).memory_full_info().pss / 2**20
                print(f"{'MariaDB' if mariadb else 'SQLite'}: {memory:.0f} MB PSS after the first answer")
                await latencies(bridge)
                spent = sum(psutil.Process(child.pid).cpu_times()[:2])
                await sustained(bridge, count, rate)
                spent = sum(psutil.Process(child.pid).cpu_times()[:2]) - spent
                print(f"  {spent / count * 1000:.2f} ms of processor time a message")
                answering.cancel()
        finally:
            child.terminate()
            child.wait(20)
            if "-v" in sys.argv:
                print((folder / "log").read_text()[-3000:])


async def latencies(bridge: PlayedBridge) -> None:
    """One message at a time."""
    taken = []
    for person in range(100):
        await bridge.message(person, "Hola, buenas tardes")
        [chat] = [chat for chat in bridge.sent if chat not in bridge.answered]
        await until(lambda chat=chat: chat in bridge.answered, 5)
        taken.append((bridge.answered[chat] - bridge.sent[chat]) * 1000)
    taken.sort()
    print(f"  one at a time: p50 {statistics.median(taken):.1f} ms, p95 {taken[94]:.1f} ms, worst {taken[-1]:.1f} ms")


async def sustained(bridge: PlayedBridge, count: int, rate: float) -> None:
    """Many, at a rate."""
    begun = time.perf_counter()
    first = len(bridge.sent)
    for number in range(count):
        await bridge.message(1000 + number, "hola")
        await asyncio.sleep(max(0.0, begun + (number + 1) / rate - time.perf_counter()))
    sent = time.perf_counter() - begun
    await until(lambda: len(bridge.answered) >= first + count, 60)
    taken = sorted((bridge.answered[chat] - bridge.sent[chat]) * 1000 for chat in list(bridge.sent)[first:])
    print(
        f"  {count} at {count / sent:.0f}/s: all answered after {time.perf_counter() - begun:.1f} s;"
        f" p50 {statistics.median(taken):.0f} ms, p95 {taken[int(0.95 * count)]:.0f} ms"
    )


async def until(done, seconds: float) -> None:  # type: ignore[no-untyped-def]
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not done():  # noqa: ASYNC110 - measured from outside
            await asyncio.sleep(0.001)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mariadb", action="store_true")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("-v", action="store_true")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.count, arguments.rate, arguments.mariadb))
