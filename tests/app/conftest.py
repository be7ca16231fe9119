"""A whole bridge in this process, with scripted phones, a real mosquitto and short retry pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from bridge.app import Bridge, BridgeLimits
from bridge.app.clock import SystemClock
from bridge.broker import parse_addresses
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.mqtt import MqttLimits
from bridge.ports import WhatsAppDriver
from bridge.settings import BridgeSettings, load
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import MqttProbe, mqtt_probe

HERE = 15.0


class BridgeUnderTest:
    """A bridge with two sessions, each with a phone of its own."""

    def __init__(self, settings: BridgeSettings, url: str) -> None:
        self.settings = settings
        self.url = url
        self.phones = {session.name: ScriptedPhone(SystemClock(), paired=True) for session in settings.sessions}
        self.make_driver: Callable[[ScriptedPhone], WhatsAppDriver] = ScriptedDriver
        self.bridge: Bridge
        self.running: asyncio.Task[None] | None = None
        self.limits = BridgeLimits(retry=0.3, mqtt=MqttLimits(retained=0.3))

    def store(self, name: str) -> Path:
        return self.settings.session_dir(name) / "store.db"

    def state(self, name: str) -> SessionState:
        [found] = [host for host in self.bridge.hosts if host.setting.name == name]
        return found.view.situation.state

    async def start(self, **until: SessionState) -> None:
        """Start, and wait for the state of each session that is named."""

        def driver(session: str) -> WhatsAppDriver:
            return self.make_driver(self.phones[session])

        self.bridge = Bridge(self.settings, parse_addresses(self.url), driver, SystemClock(), limits=self.limits)
        self.running = asyncio.create_task(self.bridge.run(), name="bridge under test")
        for name, state in until.items():
            await self.until(lambda name=name, state=state: self.state(name) is state)  # type: ignore[misc]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Poll a condition that no event announces."""
        assert self.running is not None
        async with asyncio.timeout(HERE):
            while not condition():
                if self.running.done():
                    self.running.result()
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self.running is not None:
            self.bridge.stop()
            running, self.running = self.running, None
            await asyncio.wait_for(running, HERE)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture
async def probe(mosquitto: MosquittoServer) -> AsyncIterator[MqttProbe]:
    async with mqtt_probe(mosquitto.url("admin")) as probe:
        yield probe


@pytest.fixture
async def tested(tmp_path: Path, mosquitto: MosquittoServer) -> AsyncIterator[BridgeUnderTest]:
    settings = load(WA_DATA_DIR=tmp_path / "data", WA_PACE="off", WA_INSTANCE="test", WA_SESSIONS="haby=51,otra=52")
    tested = BridgeUnderTest(settings, mosquitto.url("bridge"))
    try:
        yield tested
    finally:
        await tested.stop()
