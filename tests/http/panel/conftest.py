"""A browser for the panel, shared by all its tests: they run on one event loop, and so do the bridges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.drivers.conftest import on_one_loop
from tests.http.conftest import HttpBridge
from tests.http.panel.pages import OpenPanel, panel_browser, panel_pages
from tests.http.receiver import Receiver
from tests.mosquitto_server import MosquittoServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    on_one_loop(items, Path(__file__).parent)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with panel_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def open_panel(browser: Browser) -> AsyncIterator[OpenPanel]:
    """As `panel_pages`."""
    async with panel_pages(browser) as open_panel:
        yield open_panel


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
