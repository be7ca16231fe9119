"""WhatsApp Web as a kind of driver: all sessions use one Playwright; the login is in a browser profile."""

from __future__ import annotations

import random
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from typing_extensions import override

from bridge.drivers.web.driver import WebDriver
from bridge.drivers.web.login_files import ProfileFiles
from bridge.drivers.web.runtime import PlaywrightRuntime
from bridge.ports import Check, Clock, DriverFactory, DriverKind, DriverSettings, LoginFiles, WhatsAppDriver


class WebKind(DriverKind):
    name = "web"
    login: LoginFiles | None = ProfileFiles()

    @override
    @asynccontextmanager
    async def open(self, settings: DriverSettings, clock: Clock) -> AsyncIterator[DriverFactory]:
        async with PlaywrightRuntime() as runtime:

            def driver(session: str) -> WhatsAppDriver:
                return WebDriver(
                    session,
                    url=settings.web_url,
                    profile=settings.session_dir(session) / ProfileFiles.folder,
                    playwright=runtime,
                    clock=clock,
                    random=random.random,
                    executable=settings.browser,
                    browser_args=shlex.split(settings.browser_args),
                )

            yield driver

    @override
    async def examine(self, settings: DriverSettings, *, live: bool) -> AsyncIterator[tuple[str, Check]]:
        from bridge.drivers.web.examination import browser, page, site

        yield "site", site.site(settings.web_url)
        async with PlaywrightRuntime() as runtime:
            yield "wa-js", browser.wa_js()
            yield "browser", browser.browser(settings, runtime)
            if live:
                yield "page", page.page(settings, runtime)


KIND = WebKind()
