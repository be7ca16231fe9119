"""A running sandbox, and browser tabs in which the real wa-js is injected as the driver does it.

Each test has its own sandbox and its own browser context.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Error, Page, Playwright

import bridge.drivers.web
from bridge.sandbox import Sandbox
from tests.conftest import NOT_ROOT

WA_JS = Path(bridge.drivers.web.__file__).parent / "node_modules/@wppconnect/wa-js/dist/wppconnect-wa.js"
EVENTS = [
    "chat.new_message",
    "chat.msg_ack_change",
    "chat.new_reaction",
    "chat.new_chat",
    "conn.auth_code_change",
    "conn.authenticated",
    "conn.logout",
    "conn.main_loaded",
    "conn.stream_mode_changed",
    "conn.stream_info_changed",
]
# Text and numbers only: models and addresses cannot leave the page.
RECORDER = """
globalThis.recorded = [];
for (const name of EVENTS) WPP.on(name, (m) => recorded.push({
  name,
  value: typeof m === 'string' ? m : m?.fullCode ?? null,
  id: m?.id?._serialized ?? null, ids: m?.ids?.map(String) ?? null, ack: m?.ack ?? null,
  chat: (m?.chat?.id ?? m?.chat ?? m?.id?.remote)?.toString() ?? null,
  author: m?.author?.toString() ?? null, from: m?.from?.toString() ?? null, to: m?.to?.toString() ?? null,
  body: m?.body ?? null, type: m?.type ?? null, t: m?.t ?? null, notifyName: m?.notifyName ?? null,
  fromMe: m?.id?.fromMe ?? null, isNewMsg: m?.isNewMsg ?? null,
  quoted: m?.quotedStanzaID ? m.quotedMsgId._serialized : null,
}));
"""
USABLE = "() => WPP.isFullReady && WPP.conn.isAuthenticated() && WPP.conn.getStreamData().mode === 'MAIN'"
TIMEOUT = 10.0


class Tab:
    """A page of the double, as a driver sees it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def run(self, script: str, argument: object = None) -> Any:
        """Call a JavaScript function in the page."""
        return await self.page.evaluate(script, argument)

    async def until(self, script: str, argument: object = None) -> Any:
        """Wait until the function returns a truthy value, across reloads of the page."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            try:
                if value := await self.run(script, argument):
                    return value
            except Error as error:
                # During a navigation: no context yet, or wa-js is not loaded yet.
                if "context" not in str(error) and "WPP" not in str(error) and "recorded" not in str(error):
                    raise
            await asyncio.sleep(0.03)
        raise AssertionError(f"never true: {script} {argument}")

    async def usable(self) -> None:
        """Wait until the page and wa-js are loaded and logged in."""
        await self.until(USABLE)

    async def event(self, name: str, **fields: object) -> dict[str, Any]:
        """Wait for a wa-js event with these fields."""
        script = (
            "([name, fields]) => recorded.find((e) => e.name === name"
            " && Object.entries(fields).every(([k, v]) => JSON.stringify(e[k]) === JSON.stringify(v)))"
        )
        event: dict[str, Any] = await self.until(script, [name, fields])
        return event

    async def events(self, name: str) -> list[dict[str, Any]]:
        """The wa-js events of that name so far."""
        events: list[dict[str, Any]] = await self.run("(name) => recorded.filter((e) => e.name === name)", name)
        return events

    async def reserve(self, chat: str) -> str:
        """Reserve a message id for a chat."""
        key: str = await self.run("async (chat) => (await WPP.chat.generateMessageID(chat)).toString()", chat)
        return key

    async def send(self, chat: str, body: str, key: str, **options: object) -> dict[str, Any]:
        """Send text with a reserved id."""
        fixed = {"messageId": key, "createChat": True, "linkPreview": False, "markIsRead": False}
        answer: dict[str, Any] = await self.run(
            "([chat, body, options]) => WPP.chat.sendTextMessage(chat, body, options)", [chat, body, fixed | options]
        )
        return answer

    async def messages(self, chat: str, **options: object) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.run(
            "async ([chat, options]) => (await WPP.chat.getMessages(chat, options)).map((m) =>"
            " ({id: m.id.toString(), body: m.body, ack: m.ack, history: m.isMdHistoryMsg, isNewMsg: m.isNewMsg}))",
            [chat, options],
        )
        return found


OpenTab = Callable[..., Awaitable[Tab]]
OpenPhone = Callable[..., Awaitable[Page]]
OpenProfile = Callable[..., Awaitable[BrowserContext]]


async def injected(context: BrowserContext) -> BrowserContext:
    """With wa-js and the recorder of its events in each page."""
    await context.add_init_script("window.WPPConfig = {disableGoogleAnalytics: true};")
    await context.add_init_script(path=WA_JS)
    await context.add_init_script(RECORDER.replace("EVENTS", json.dumps(EVENTS)))
    return context


@asynccontextmanager
async def quick_sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox that synchronises without delay."""
    async with Sandbox() as running:
        running.world.configure(running.world.state.settings.model_copy(update={"sync_ms": 50}))
        yield running


@asynccontextmanager
async def profiles(playwright: Playwright, browser_path: str, folder: Path) -> AsyncIterator[OpenProfile]:
    """Opens a browser of its own on a profile in the folder; the same name reuses the profile."""
    opened: list[BrowserContext] = []

    async def open_named(name: str = "profile") -> BrowserContext:
        context = await playwright.chromium.launch_persistent_context(
            folder / name, executable_path=browser_path, chromium_sandbox=NOT_ROOT
        )
        opened.append(await injected(context))
        return context

    yield open_named
    for context in opened:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with quick_sandbox() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def open_phone(sandbox: Sandbox, browser: Browser) -> AsyncIterator[OpenPhone]:
    """`await open_phone(locale="es-AR", color_scheme="dark")` opens the phone's page; its errors fail the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    async def open_page(**options: Any) -> Page:
        context = await browser.new_context(**{"reduced_motion": "reduce", "locale": "en-GB"} | options)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if "Security Policy" in message.text else None)
        await page.goto(sandbox.phone_url)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert problems == []


@pytest_asyncio.fixture(loop_scope="session")
async def phone(open_phone: OpenPhone) -> Page:
    """The phone's page, in English."""
    return await open_phone()


async def write(page: Page, text: str) -> None:
    """Send a text in the open chat of the English page."""
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


@pytest_asyncio.fixture(loop_scope="session")
async def open_profile(playwright: Playwright, browser_path: str, tmp_path: Path) -> AsyncIterator[OpenProfile]:
    """As `profiles`, in the folder of the test."""
    async with profiles(playwright, browser_path, tmp_path) as open_named:
        yield open_named


@pytest_asyncio.fixture(loop_scope="session")
async def tab(sandbox: Sandbox, browser: Browser) -> AsyncIterator[Tab]:
    """A tab on the sandbox's page, not logged in."""
    context = await injected(await browser.new_context())
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
