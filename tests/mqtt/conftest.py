"""A real mosquitto with the shipped configuration, a bridge with a scripted phone, and a probe on every topic."""

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
from bridge.ports import Journal, Observer
from bridge.settings import BridgeSettings, load
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import TIMEOUT, MqttProbe, mqtt_probe

#: A broker on loopback delivers a retained status at once; waiting longer for a missing one is pointless.
QUICK = BridgeLimits(standby=0.2, mqtt=MqttLimits(retained=0.3, owner_heartbeat=0.5))


class BridgeUnderTest:
    """The bridge, in this process; it can be started, stopped and aborted. The phone outlives it."""

    def __init__(self, settings: BridgeSettings, url: str) -> None:
        self.settings = settings
        self.url = url
        self.phone = ScriptedPhone(SystemClock(), paired=True)
        self.bridge: Bridge
        self.running: asyncio.Task[None] | None = None
        self.probe: MqttProbe | None = None
        self.limits = QUICK
        self.observers: tuple[Observer, ...] = ()

    @property
    def session(self) -> Session:
        session = self.bridge.hosts[0].session
        assert session is not None
        return session

    @property
    def journal(self) -> Journal:
        journal = self.bridge.hosts[0].journal
        assert journal is not None
        return journal

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
        async with asyncio.timeout(TIMEOUT):
            while until is not None and self.bridge.hosts[0].view.situation.state is not until:
                if self.running.done():
                    self.running.result()
                await asyncio.sleep(0.005)
        if self.probe is not None and until not in (
            None,
            SessionState.STANDBY,
        ):  # a bridge in standby publishes no status
            await self.probe.state(until)

    async def stop(self) -> None:
        if self.running is not None:
            self.bridge.stop()
            running, self.running = self.running, None
            await running

    async def abort(self) -> None:
        """End it without publishing `offline`."""
        assert self.running is not None
        running, self.running = self.running, None
        running.cancel()
        await asyncio.wait([running])

    async def until(self, condition: Callable[[], bool]) -> None:
        """Poll for a condition without an event."""
        async with asyncio.timeout(TIMEOUT):
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
async def harness(
    settings: BridgeSettings, mosquitto: MosquittoServer, probe: MqttProbe
) -> AsyncIterator[BridgeUnderTest]:
    harness = BridgeUnderTest(settings, mosquitto.url("bridge"))
    harness.probe = probe
    try:
        yield harness
    finally:
        await harness.stop()


@pytest.fixture
async def probe(mosquitto: MosquittoServer) -> AsyncIterator[MqttProbe]:
    """As admin, on everything that the shipped ACL allows an admin to read."""
    async with mqtt_probe(mosquitto.url("admin")) as probe:
        yield probe
