"""A real mosquitto with the shipped configuration, a bridge with a scripted phone, and a subscriber to every topic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from bridge.app import Bridge, BridgeLimits
from bridge.app.clock import SystemClock
from bridge.broker import parse_addresses
from bridge.contract.session import SessionState
from bridge.core.session import Session
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.mqtt import MqttLimits
from bridge.ports import Observer
from bridge.settings import BridgeSettings, load
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.ear import HERE, Ear, hearing

#: A broker on loopback shows a retained status at once; there is no need to wait long for one that is missing.
QUICK = BridgeLimits(standby=0.2, mqtt=MqttLimits(retained=0.3, sign_of_life=0.5))


class Side:
    """The bridge, in this process; it may be started, stopped and broken off. The phone outlives it."""

    def __init__(self, settings: BridgeSettings, url: str) -> None:
        self.settings = settings
        self.url = url
        self.phone = ScriptedPhone(SystemClock(), paired=True)
        self.bridge: Bridge
        self.running: asyncio.Task[None] | None = None
        self.ear: Ear | None = None
        self.limits = QUICK
        self.observers: tuple[Observer, ...] = ()

    @property
    def session(self) -> Session:
        session = self.bridge.hosts[0].session
        assert session is not None
        return session

    async def start(self, *, until: SessionState | None = SessionState.CONNECTED) -> None:
        addresses = parse_addresses(self.url)
        self.bridge = Bridge(
            self.settings,
            addresses,
            lambda _: ScriptedDriver(self.phone),
            SystemClock(),
            limits=self.limits,
            observers=self.observers,
        )
        self.running = asyncio.create_task(self.bridge.run(), name="bridge under test")
        async with asyncio.timeout(HERE):
            while until is not None and self.bridge.hosts[0].view.situation.state is not until:
                if self.running.done():
                    self.running.result()
                await asyncio.sleep(0.005)
        if self.ear is not None and until not in (None, SessionState.STANDBY):  # who stands by says nothing
            await self.ear.state(until)

    async def stop(self) -> None:
        if self.running is not None:
            self.bridge.stop()
            running, self.running = self.running, None
            await running

    async def break_off(self) -> None:
        """End it abruptly: no status `offline`."""
        assert self.running is not None
        running, self.running = self.running, None
        running.cancel()
        await asyncio.wait([running])

    async def until(self, condition: Callable[[], bool]) -> None:
        """For what nobody announces."""
        async with asyncio.timeout(HERE):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> BridgeSettings:
    return load(WA_DATA_DIR=tmp_path / "data", WA_PACE="off", WA_INSTANCE="test")


@pytest.fixture
async def side(settings: BridgeSettings, mosquitto: MosquittoServer, ear: Ear) -> AsyncIterator[Side]:
    side = Side(settings, mosquitto.url("bridge"))
    side.ear = ear
    try:
        yield side
    finally:
        await side.stop()


@pytest.fixture
async def ear(mosquitto: MosquittoServer) -> AsyncIterator[Ear]:
    """As admin, on everything that the shipped ACL lets an admin hear."""
    async with hearing(mosquitto.url("admin")) as ear:
        yield ear
