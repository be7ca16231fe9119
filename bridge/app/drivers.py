"""The drivers of this process: WhatsApp Web, all sessions on one Playwright."""

from __future__ import annotations

import random
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.app.host import DriverFactory
from bridge.drivers.web import PlaywrightRuntime, WebDriver
from bridge.ports import Clock, WhatsAppDriver
from bridge.settings import BridgeSettings, SessionSetting


@asynccontextmanager
async def web_drivers(settings: BridgeSettings, clock: Clock) -> AsyncIterator[DriverFactory]:
    """A factory of web drivers, which are usable inside the context."""
    async with PlaywrightRuntime() as runtime:

        def driver(session: SessionSetting) -> WhatsAppDriver:
            return WebDriver(
                session.name,
                url=settings.web_url,
                profile=settings.session_dir(session.name) / "profile",
                playwright=runtime,
                clock=clock,
                random=random.random,
                executable=settings.browser,
                browser_args=shlex.split(settings.browser_args),
            )

        yield driver
