"""Bridges for the tests of the panel. They run on one event loop, as the browser that they share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.http.conftest import HttpBridge
from tests.http.panel.pages import open_panel
from tests.http.receiver import Receiver
from tests.mosquitto_server import MosquittoServer

__all__ = ["open_panel"]


@pytest_asyncio.fixture(loop_scope="session")
async def side(tmp_path: Path) -> AsyncIterator[HttpBridge]:
    """A bridge, not started."""
    side = HttpBridge(tmp_path / "data")
    try:
        yield side
    finally:
        await side.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def on_mqtt(tmp_path: Path, mosquitto: MosquittoServer) -> AsyncIterator[HttpBridge]:
    """A bridge with a broker, not started; stopped before its broker is."""
    side = HttpBridge(tmp_path / "data", addresses=mosquitto.url("bridge"))
    try:
        yield side
    finally:
        await side.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def started(side: HttpBridge) -> HttpBridge:
    """A bridge with a connected session."""
    await side.start()
    return side


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    """A callback URL that answers 200 by default."""
    async with Receiver() as receiver:
        yield receiver
