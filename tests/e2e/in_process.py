"""A bridge with the web driver in the test's own process, so that tests can inspect its parts and its log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.app import Bridge
from bridge.app.clock import SystemClock
from bridge.broker import BrokerAddress
from bridge.drivers import driver_kind
from bridge.settings import BridgeSettings, load
from tests.parts import require_binary


def settings_for(directory: Path, url: str) -> BridgeSettings:
    """Settings of a bridge in `directory` whose WhatsApp Web is at `url`."""
    return load(WA_DATA_DIR=directory, WA_WEB_URL=url, WA_PACE="off")


@asynccontextmanager
async def bridge_on(
    address: BrokerAddress, settings: BridgeSettings, http: socket.socket | None = None
) -> AsyncIterator[Bridge]:
    """A bridge that runs inside the context."""
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    clock = SystemClock()
    async with driver_kind(settings.driver).open(settings, clock) as drivers:
        bridge = Bridge(settings, (address,), drivers, clock, http=http)
        running = asyncio.create_task(bridge.run(), name="bridge")
        try:
            yield bridge
        finally:
            bridge.stop()
            await running
