"""The fixtures of `conftest.py` on one event loop and in one browser for all tests, because its start is slow.

Each test has its own sandbox and its own browser context, which stores nothing that another one finds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright

from bridge.sandbox import Sandbox
from tests.sandbox.conftest import OpenProfile, Tab, injected, profiles, quick_sandbox

__all__ = ["ONE_LOOP", "open_profile", "paired", "sandbox", "tab"]
ONE_LOOP = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with quick_sandbox() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def open_profile(shared_playwright: Playwright, browser_path: str, tmp_path: Path) -> AsyncIterator[OpenProfile]:
    """As `profiles`, in the folder of the test."""
    async with profiles(shared_playwright, browser_path, tmp_path) as open_named:
        yield open_named


@pytest_asyncio.fixture(loop_scope="session")
async def tab(sandbox: Sandbox, shared_browser: Browser) -> AsyncIterator[Tab]:
    """A tab on the sandbox's page, not logged in."""
    context = await injected(await shared_browser.new_context())
    opened = Tab(await context.new_page())
    await opened.page.goto(sandbox.url)
    await opened.until("() => WPP.isFullReady")
    yield opened
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def paired(sandbox: Sandbox, tab: Tab) -> Tab:
    """A tab that is logged in and loaded."""
    sandbox.world.linking.scan()
    await tab.usable()
    return tab
