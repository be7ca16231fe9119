"""A bridge with HTTP for these tests: everything real but WhatsApp, which is a scripted phone.

There is no broker unless a test asks for one: HTTP has to work without.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.app import Bridge, BridgeLimits
from bridge.app.clock import SystemClock
from bridge.broker import parse_addresses
from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.http.listener import address_of, listen
from bridge.http.log_ring import LogRing
from bridge.mqtt import MqttLimits
from bridge.ports import Clock
from bridge.ports.broker_users import BrokerUsers
from bridge.settings import BridgeSettings, load
from bridge.store import BridgeStore
from tests.http.receiver import Receiver
from tests.loopback import http_client
from tests.mosquitto_server import MosquittoServer

ANA, BETO = "5491155500001@c.us", "5491155500002@c.us"
GROUP = "120363000000000001@g.us"
NO_BROKER = "mqtt://127.0.0.1:9"
HERE = 15.0


#: Without a broker a session would wait 30 s at the start and 1 s at the end, with a new broker 2 s.
QUICK = BridgeLimits(ownership=0.05, status_end=0.05, mqtt=MqttLimits(retained=0.2))


class HttpBridge:
    """A bridge that can be started and stopped on one data directory. The phone and the port outlive it."""

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        self.given = {"data_dir": data_dir, "pace": "off", "instance": "test", "http_rate": "off"} | settings
        self.clock: Clock = SystemClock()
        self.phone = ScriptedPhone(self.clock, paired=True)
        self.phones: dict[str, ScriptedPhone] = {}  # of further sessions
        self.host = "127.0.0.1"
        self.port = 0
        self.limits = QUICK
        self.login_link: str | None = None
        self.command_key: str | None = None
        self.log: LogRing | None = None
        self.broker_users: BrokerUsers | None = None
        self.bridge: Bridge | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def settings(self) -> BridgeSettings:
        return load(**self.given)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, *, until: SessionState | None = SessionState.CONNECTED) -> None:
        settings = self.settings
        listener = listen(self.host, self.port)
        self.port = int(address_of(listener).rpartition(":")[2])
        addresses = settings.addresses or parse_addresses(NO_BROKER)
        self.bridge = Bridge(
            settings,
            addresses,
            lambda name: ScriptedDriver(self.phones.get(name, self.phone)),
            self.clock,
            http=listener,
            login_link=self.login_link,
            command_key=self.command_key,
            log=self.log,
            broker_users=self.broker_users,
            limits=self.limits,
        )
        self._running = asyncio.create_task(self.bridge.run(), name="bridge under test")
        async with asyncio.timeout(HERE):
            while not await self._answers():
                if self._running.done():
                    await self._running
        if until is not None:
            await self.reach(until)

    async def _answers(self) -> bool:
        try:
            async with self.client() as client:
                return (await client.get("/health")).is_success
        except httpx.TransportError:
            await asyncio.sleep(0.01)
            return False

    async def stop(self) -> None:
        if self.bridge is None or self._running is None:
            return
        self.bridge.stop()
        await self._running
        self.bridge = self._running = None

    async def kill(self) -> None:
        """End it without a clean shutdown, as far as that is possible in one process."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.wait([self._running])
        self.bridge = self._running = None

    def client(self, **options: Any) -> httpx.AsyncClient:
        # verify: the authorities would be read for each client, a tenth of a second, and none is needed here
        return http_client(self.url, timeout=30, **options)

    async def reach(self, state: SessionState) -> None:
        assert self.bridge is not None
        host = self.bridge.hosts[0]
        async with asyncio.timeout(HERE):
            while host.session is None:  # noqa: ASYNC110 - no event for an opened store
                await asyncio.sleep(0.01)
            with host.session.view.watch() as changes:
                while host.session.view.situation.state is not state:
                    await changes.get()

    async def journalled(self, count: int, stream: Stream = Stream.IN) -> None:
        """Wait until the journal holds `count` items."""
        assert self.bridge is not None
        journal = self.bridge.hosts[0].journal
        assert journal is not None
        async with asyncio.timeout(HERE):
            await journal.wait_beyond(stream, count - 1)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[BridgeStore]:
        """The bridge's own store, as another process opens it."""
        async with BridgeStore(self.settings.data_dir / "bridge.db", now=self.clock.now) as store:
            yield store


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[HttpBridge]:
    """A bridge, not started."""
    side = HttpBridge(tmp_path / "data")
    try:
        yield side
    finally:
        await side.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    """A broker of the test's own."""
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture
async def on_mqtt(tmp_path: Path, mosquitto: MosquittoServer) -> AsyncIterator[HttpBridge]:
    """A bridge with that broker, not started; stopped before its broker is."""
    side = HttpBridge(tmp_path / "data", addresses=mosquitto.url("bridge"))
    try:
        yield side
    finally:
        await side.stop()


@pytest.fixture
async def started(side: HttpBridge) -> HttpBridge:
    """A bridge with a connected session."""
    await side.start()
    return side


@pytest.fixture
async def client(started: HttpBridge) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of a started bridge."""
    async with started.client() as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A callback URL that answers 200 by default."""
    async with Receiver() as receiver:
        yield receiver
