"""The fixtures of `conftest.py` on one event loop and in one browser for all tests, because its start is slow.

Each test has its own sandbox and its own browser context, which stores nothing that another one finds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Playwright

from bridge.sandbox import Sandbox
from tests.sandbox.conftest import NOT_ROOT, OpenProfile, Tab, injected

__all__ = ["ONE_LOOP", "open_profile", "paired", "sandbox", "tab"]
ONE_LOOP = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        running.world.configure(running.world.state.settings.model_copy(update={"sync_ms": 50}))
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def open_profile(shared_playwright: Playwright, browser_path: str, tmp_path: Path) -> AsyncIterator[OpenProfile]:
    """Opens a browser of its own on a profile folder of the test; the same name reuses the profile."""
    opened: list[BrowserContext] = []

    async def open_named(name: str = "profile") -> BrowserContext:
        context = await shared_playwright.chromium.launch_persistent_context(
            tmp_path / name, executable_path=browser_path, chromium_sandbox=NOT_ROOT
        )
        opened.append(await injected(context))
        return context

    yield open_named
    for context in opened:
        await context.close()


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
