"""WhatsApp Web as a kind of driver: all sessions use one Playwright; the login is in a browser profile."""

from __future__ import annotations

import logging
import random
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from typing_extensions import override

from bridge.drivers.web.driver import WebDriver
from bridge.drivers.web.login_files import ProfileFiles
from bridge.drivers.web.page_memory import browsers_megabytes
from bridge.drivers.web.runtime import PlaywrightRuntime
from bridge.drivers.web.turns import BrowserTurns
from bridge.drivers.web.versions import ChosenVersions, WebVersions
from bridge.ports import (
    Check,
    Clock,
    DriverFactory,
    DriverKind,
    DriverSettings,
    LoginFiles,
    PageVersions,
    WhatsAppDriver,
    WindowStep,
)

_log = logging.getLogger(__name__)
#: In the data directory; safe to delete.
NODE_CACHE = "node-cache"


class WebKind(DriverKind):
    name = "web"
    login: LoginFiles | None = ProfileFiles()
    versions: PageVersions | None = WebVersions()

    @override
    @asynccontextmanager
    async def open(self, settings: DriverSettings, clock: Clock) -> AsyncIterator[DriverFactory]:
        versions = ChosenVersions.of(settings)
        _log.info("WhatsApp Web runs with %s.", versions.library.label)
        if versions.page is not None:
            _log.warning("WA_WEB_VERSION: %s. Unset it once the newest page works again.", versions.page.label)
        budget = settings.browser_memory
        turns = BrowserTurns(
            settings.browsers_starting, None if budget is None else budget // 2**20, browsers_megabytes
        )
        async with PlaywrightRuntime(settings.data_dir / NODE_CACHE) as runtime:

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
                    available=settings.available,
                    versions=versions,
                    turns=turns,
                )

            yield driver

    @override
    def pair_in_window(self, settings: DriverSettings, session: str) -> AsyncIterator[WindowStep]:
        from bridge.drivers.web.window import pair_in_window

        return pair_in_window(settings, session)

    @override
    def describe(self, settings: DriverSettings) -> str:
        return f"{self.name}: {ChosenVersions.of(settings).label}"

    @override
    async def examine(self, settings: DriverSettings) -> AsyncIterator[tuple[str, Check]]:
        from bridge.drivers.web.examination import browser, page, proxy, site, versions

        proxies = [settings.proxy_of(session) for session in settings.session_names]
        if None in proxies:  # the others may be the only way out
            yield "site", site.site(settings.web_url)
        async with PlaywrightRuntime() as runtime:
            yield "wa-js", versions.wa_js(settings)
            yield "pinned page", versions.pinned(settings)
            yield "browser", browser.browser(settings, runtime)
            yield "proxy", proxy.proxies(settings, runtime)
            yield "page", page.page(settings, runtime, None if None in proxies else proxies[0])


KIND = WebKind()
