"""One running bridge for all tests of this folder: the real wa-js on the sandbox, a real mosquitto, HTTP.

The tests share it, because it starts slowly: each makes the groups and people that it changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bridge.app import Bridge
from bridge.app.clock import SystemClock
from bridge.broker import parse_addresses
from bridge.contract.session import SessionState
from bridge.drivers import driver_kind
from bridge.http.listener import address_of, listen
from bridge.sandbox import Sandbox
from bridge.sandbox.world import World
from bridge.settings import BridgeSettings, load
from tests.http.conftest import QUICK
from tests.http.panel.pages import open_panel
from tests.loopback import http_client
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import MqttProbe, mqtt_probe
from tests.parts import require_binary

__all__ = ["open_panel"]


class RunningBridge:
    """The bridge and what it talks to."""

    def __init__(
        self, bridge: Bridge, settings: BridgeSettings, sandbox: Sandbox, broker: MosquittoServer, url: str
    ) -> None:
        self.bridge = bridge
        self.settings = settings
        self.sandbox = sandbox
        self.broker = broker
        self.url = url

    @property
    def world(self) -> World:
        return self.sandbox.world

    def client(self) -> httpx.AsyncClient:
        return http_client(self.url, timeout=30)

    async def ask(self, action: str, **arguments: Any) -> dict[str, Any]:
        """The response to a request over HTTP; one that is no request has only `status` and `error`."""
        async with self.client() as client:
            answer = await client.post(f"/v1/sessions/haby/requests/{action}", json=arguments)
        body: dict[str, Any] = answer.json()
        if answer.is_success:
            return body
        refused: dict[str, Any] = body.get("response") or {}
        return {"status": "failed", "error": {"code": body["code"], "text": body["detail"]}, **refused}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningBridge]:
    """A connected bridge."""
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    folder, clock = tmp_path_factory.mktemp("requests"), SystemClock()
    async with Sandbox("localhost", 0, auto_scan=True) as sandbox:
        # only business accounts have labels
        sandbox.world.configure(sandbox.world.state.settings.model_copy(update={"business": True}))
        with MosquittoServer(folder / "mosquitto") as broker:
            settings = load(
                WA_DATA_DIR=folder / "data",
                WA_PACE="off",
                WA_PACE_CHECKS="off",
                WA_INSTANCE="test",
                WA_MEDIA_HOSTS="public,loopback",
                WA_HTTP_RATE="off",
                WA_WEB_URL=sandbox.url,
            )
            http = listen("127.0.0.1", 0)
            async with driver_kind("web").open(settings, clock) as drivers:
                addresses = parse_addresses(broker.url("bridge"))
                bridge = Bridge(settings, addresses, drivers, clock, http=http, limits=QUICK)
                task = asyncio.create_task(bridge.run(), name="bridge under test")
                running = RunningBridge(bridge, settings, sandbox, broker, address_of(http))
                try:
                    async with asyncio.timeout(30), mqtt_probe(broker.url("admin")) as probe:
                        await probe.state(SessionState.CONNECTED, within=30)
                    yield running
                finally:
                    bridge.stop()
                    await task


@pytest_asyncio.fixture(loop_scope="session")
async def probe(running: RunningBridge) -> AsyncIterator[MqttProbe]:
    """As admin, on everything that the shipped ACL allows an admin to read."""
    async with mqtt_probe(running.broker.url("admin")) as probe:
        yield probe
