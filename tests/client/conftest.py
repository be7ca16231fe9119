"""The real bridge for the client's tests: session, MQTT adapter and store on a real mosquitto, a scripted phone."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from bridge.app import Bridge, BridgeLimits
from bridge.app.clock import SystemClock
from bridge.client import Client, connect
from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from bridge.contract.session_changes import BridgeAction, BridgeCommand
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.http.listener import listen
from bridge.mqtt import MqttLimits
from bridge.ports import Clock
from bridge.settings import BridgeSettings, load
from tests.mosquitto_server import MosquittoServer

ANA, BETO = "5491155500001@c.us", "5491155500002@c.us"
TIMEOUT = 20.0


#: A fresh broker has no retained owner; each first start would wait 2 s for one.
QUICK = BridgeLimits(mqtt=MqttLimits(retained=0.2))


class ScriptedBridge:
    """A bridge that can be started, stopped and deprived of its store. The phone outlives it."""

    def __init__(self, settings: BridgeSettings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.phone = ScriptedPhone(self.clock, paired=True)
        #: The phones of the sessions that were added while it ran.
        self.others: dict[str, ScriptedPhone] = {}
        self.http: socket.socket | None = None
        self.limits = QUICK
        self.bridge: Bridge | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self, *, until: SessionState | None = SessionState.CONNECTED) -> None:
        """Run it and wait until the session's published status has this state; None = do not wait."""
        self.bridge = Bridge(
            self.settings,
            self.settings.addresses,
            lambda session: ScriptedDriver(self.others.get(session, self.phone)),
            self.clock,
            http=self.http,
            limits=self.limits,
        )
        self._running = asyncio.create_task(self.bridge.run(), name="bridge under test")
        if until is not None:
            await self.reach(until)
            async with asyncio.timeout(TIMEOUT), connect(self.settings.addresses, name="observer") as client:
                async for status in client.watch_status("haby"):
                    if status.state is until:
                        return

    async def change(self, action: BridgeAction, session: str, cliente_id: int | None = None) -> None:
        """Add or remove a session while it runs, as `wa session` does; one that is added is connected on return."""
        assert self.bridge is not None
        if action is BridgeAction.ADD_SESSION:
            self.others[session] = ScriptedPhone(self.clock, paired=True)
        command = BridgeCommand(action=action, session=session, cliente_id=cliente_id)
        async with connect(self.settings.addresses, name="operator") as client:
            answer = await client.control_bridge(self.settings.instance, command)
            assert answer.error is None, answer
            if action is BridgeAction.ADD_SESSION:
                async with asyncio.timeout(TIMEOUT):
                    async for status in client.watch_status(session):
                        if status.state is SessionState.CONNECTED:
                            return

    async def reach(self, state: SessionState) -> None:
        """Wait for this state of the session."""
        assert self.bridge is not None
        async with asyncio.timeout(TIMEOUT):
            while (session := self.bridge.hosts[0].session) is None:
                if self._running is not None and self._running.done():
                    self._running.result()
                await asyncio.sleep(0.01)
            with session.view.watch() as changes:
                while session.view.situation.state is not state:
                    await changes.get()

    @property
    def epoch(self) -> str:
        """The open store's epoch."""
        assert self.bridge is not None
        session = self.bridge.hosts[0].session
        assert session is not None
        return session.status().epoch or ""

    async def journalled(self, count: int) -> None:
        """Wait until the journal holds `count` messages."""
        assert self.bridge is not None
        session = self.bridge.hosts[0].session
        assert session is not None
        async with asyncio.timeout(TIMEOUT):
            await session._journal.wait_beyond(Stream.IN, count - 1)

    async def stop(self) -> None:
        if self.bridge is None or self._running is None:
            return
        self.bridge.stop()
        await self._running
        self.bridge = self._running = None

    def remove_store(self) -> None:
        """While the bridge is stopped: the next start has a new epoch."""
        shutil.rmtree(self.settings.session_dir("haby"))


@asynccontextmanager
async def served_bridge(settings: BridgeSettings) -> AsyncIterator[ScriptedBridge]:
    """A bridge with HTTP on a free port, running and connected."""
    bridge = ScriptedBridge(settings)
    bridge.http = listen("127.0.0.1", 0)
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture
def settings(mosquitto: MosquittoServer, tmp_path: Path) -> BridgeSettings:
    return load(addresses=mosquitto.url("bridge"), data_dir=tmp_path / "data", pace="off", instance="test")


@pytest.fixture
async def harness(settings: BridgeSettings) -> AsyncIterator[ScriptedBridge]:
    """The bridge, not started."""
    harness = ScriptedBridge(settings)
    try:
        yield harness
    finally:
        await harness.stop()


Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def client(mosquitto: MosquittoServer) -> Connect:
    """`client(user)`: connect as one of the users of the shipped ACL."""

    @asynccontextmanager
    async def as_user(user: str = "admin", **options: str) -> AsyncIterator[Client]:
        async with asyncio.timeout(60), connect(mosquitto.url(user), name="test", **options) as client:  # type: ignore[arg-type]
            yield client

    return as_user
