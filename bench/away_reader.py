"""The broker while a reader stays away: its speed by the length of that reader's queue, and what kill -9 loses.

The publisher is a socket that keeps `WINDOW` messages of 400 characters in flight at QoS 1, so that the broker is the
limit and not a client library; mosquitto_sub reads them. A measurement lasts longer than the autosave interval, so that
it contains whole saves.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Figure
from bench.stage import TOPICS, end
from bridge.broker import BrokerOptions, connect, parse_addresses
from tests.mosquitto_server import MosquittoServer

READ, AWAY = TOPICS.inbound("bench"), TOPICS.inbound("away")
QUEUES = (0, 10_000, 100_000)
SECONDS, WINDOW, GOAL = 7.0, 100, 8000.0
#: Messages a second until the kill, and how many: it comes shortly before the second save.
KILL_RATE, KILL_AFTER = 500, 5250
#: What earlier releases shipped, and a broker that never writes.
EVERY_TEN_CHANGES = "autosave_on_changes true\nautosave_interval 10\n"
NO_DISK = "persistence false\n"


@dataclass(slots=True)
class AwayReader:
    """Results of each run: PUBACKs a second by length of the queue, of the two others, and lost seconds."""

    rates: dict[int, list[float]] = field(default_factory=lambda: {queued: [] for queued in QUEUES})
    earlier: list[float] = field(default_factory=list)
    no_disk: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)

    async def measure(self, folder: Path) -> None:
        """One run; `folder` is not to exist."""
        for queued in QUEUES:
            self.rates[queued].append(await _rate(folder / str(queued), queued))
        self.earlier.append(await _rate(folder / "earlier", 10_000, EVERY_TEN_CHANGES))
        self.no_disk.append(await _rate(folder / "no-disk", 10_000, NO_DISK))
        self.lost.append(await _lost(folder / "kill"))

    def figures(self) -> list[Figure]:
        """Rows of the report."""
        slowest = [min(rates) / bare for *rates, bare in zip(*self.rates.values(), self.no_disk, strict=True)]
        name = "broker's PUBACKs, {:,} messages queued for an absent reader".format
        return [
            *(Figure(name(queued), "/s", tuple(r), GOAL, more_is_better=True) for queued, r in self.rates.items()),
            Figure(
                "raw: 10,000 queued, saved at every ten changes",
                "/s",
                tuple(self.earlier),
                more_is_better=True,
                raw=True,
            ),
            Figure("raw: 10,000 queued, never saved", "/s", tuple(self.no_disk), more_is_better=True, raw=True),
            Figure("the slowest queue ÷ never saved", "×", tuple(slowest), 0.6, more_is_better=True),
            Figure("broker's kill -9: newest acknowledged messages that are lost", "s", tuple(self.lost), 7.0),
        ]


async def _rate(folder: Path, queued: int, options: str = "") -> float:
    """PUBACKs a second with `options` added; the queue is filled without them, and kept by the clean end."""
    with MosquittoServer(folder) as server:
        await _subscribe(server, AWAY)
        await asyncio.to_thread(_publish, server, AWAY, count=queued)
    with MosquittoServer(folder, extra=options) as server:
        reading = await asyncio.create_subprocess_exec(
            *("mosquitto_sub", "-L", f"{server.url('reader')}/{READ}", "-q", "1"), stdout=asyncio.subprocess.DEVNULL
        )
        try:
            return await asyncio.to_thread(_publish, server, READ, seconds=SECONDS)
        finally:
            await end(reading)


async def _lost(folder: Path) -> float:
    """Seconds of the newest acknowledged messages that the absent reader does not get after a SIGKILL."""
    with MosquittoServer(folder) as server:
        await _subscribe(server, AWAY)
        await asyncio.to_thread(_publish, server, AWAY, count=KILL_AFTER, rate=KILL_RATE)
        server.kill()
        server.start()
        kept = 0
        async with connect(_reader(server)) as reader:
            deliveries = reader.deliveries()
            try:
                while True:
                    delivery = await asyncio.wait_for(anext(deliveries), 3)
                    reader.acknowledge(delivery)
                    kept = max(kept, int(delivery.payload) + 1)
            except TimeoutError:
                pass
    return (KILL_AFTER - kept) / KILL_RATE


def _reader(server: MosquittoServer) -> BrokerOptions:
    return BrokerOptions(parse_addresses(server.url("reader")), client_id="away", clean=False, inbound_limit=100_000)


async def _subscribe(server: MosquittoServer, topic: str) -> None:
    async with connect(_reader(server)) as reader:
        await reader.subscribe(topic)


@contextmanager
def _publisher(server: MosquittoServer) -> Iterator[socket.socket]:
    """A connection of MQTT 3.1.1 that has its CONNACK."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        login = b"".join(_text(part) for part in ("bench", "bridge", server.passwords["bridge"]))
        head = _text("MQTT") + b"\x04\xc2\x00\x00"  # level 4; user, password, clean session; no keep-alive
        connection.sendall(_packet(0x10, head + login))
        if connection.recv(4)[-1] != 0:
            raise AssertionError("the broker refused the publisher")
        yield connection


def _publish(
    server: MosquittoServer, topic: str, *, count: int | None = None, seconds: float = 600.0, rate: float | None = None
) -> float:
    """Publish until `count` PUBACKs or for `seconds`, at `rate` per second or as fast as possible; PUBACKs a second."""
    with _publisher(server) as connection:
        began = time.perf_counter()
        sent = acknowledged = 0
        while acknowledged != count and (now := time.perf_counter() - began) < seconds:
            due = sent + WINDOW if rate is None else int(now * rate) + 1
            last = min(due, acknowledged + WINDOW, due if count is None else count)
            packets = [
                _packet(0x32, _text(topic) + (number % 65535 + 1).to_bytes(2, "big") + f"{number:400}".encode())
                for number in range(sent, last)
            ]
            connection.sendall(b"".join(packets))
            sent = max(sent, last)
            if sent == acknowledged:
                time.sleep(0.001)  # of a paced run: the next one is not due
            else:
                acknowledged += len(connection.recv(1 << 16)) // 4  # a PUBACK has four bytes
        return acknowledged / (time.perf_counter() - began)


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _packet(kind: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while rest or not length:
        rest, low = divmod(rest, 128)
        length += bytes([low | (0x80 if rest else 0)])
    return bytes([kind]) + length + body
