"""Pages of a panel in a browser: errors of the page and requests to other hosts fail the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal, Protocol
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route, ViewportSize, expect

DESK: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}
OpenPanel = Callable[..., Awaitable[Page]]
#: Milliseconds; the page asks the bridge every two seconds.
WAIT = 10_000
expect.set_options(timeout=WAIT)


class HasUrl(Protocol):
    """A bridge whose panel is opened."""

    @property
    def url(self) -> str: ...


async def after(held: asyncio.Event, route: Route) -> None:
    """Lets a request of a page go on once `held` is set; what only reads goes on at once."""
    if route.request.method == "POST":
        await held.wait()
    await route.continue_()


@pytest_asyncio.fixture(loop_scope="session")
async def open_panel(browser: Browser) -> AsyncIterator[OpenPanel]:
    """`await open_panel(side, size=PHONE, locale="es-AR", at="#messages")`; the pages close at the end."""
    problems: list[str] = []
    contexts: list[BrowserContext] = []

    async def opened(
        side: HasUrl,
        *,
        size: ViewportSize = DESK,
        scheme: Literal["light", "dark"] = "light",
        locale: str = "en-GB",
        at: str = "",
        expected: str = "nothing",
    ) -> Page:
        context = await browser.new_context(viewport=size, color_scheme=scheme, locale=locale, reduced_motion="reduce")
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
        page.on(
            "console",
            lambda message: (
                problems.append(message.text)
                if message.type in ("error", "warning") and expected not in message.text
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                problems.append(f"request to another host: {request.url}")
                if urlsplit(request.url).netloc != urlsplit(side.url).netloc
                else None
            ),
        )
        await page.goto(f"{side.url}/{at}")
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert problems == []
