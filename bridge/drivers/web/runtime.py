"""One Playwright for the whole process: its Node driver takes about 130 MiB, so all sessions share it."""

from __future__ import annotations

import asyncio
import logging
import os
from asyncio.subprocess import DEVNULL
from pathlib import Path
from typing import Self

import playwright
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright, async_playwright

from bridge.drivers.web.child_environment import clean_playwright
from bridge.drivers.web.executable import BrowserFailed, LaunchFailed

_log = logging.getLogger(__name__)
#: Its Node.js needs a library that a minimal Debian does not have (seen once: no package of the list installed it).
_NO_DRIVER = (
    "Playwright's own Node.js does not start, and no browser starts without it. On Debian: apt install libatomic1."
    " Otherwise run it manually to see why: {} --version"
)


class PlaywrightRuntime:
    """`async with PlaywrightRuntime() as runtime`. Starts at the first use, and again if its Node driver has died.

    `node_cache`: a folder in which its Node.js keeps compiled code, so that the next start takes half the time.
    """

    def __init__(self, node_cache: Path | None = None) -> None:
        self._node_cache = node_cache
        self._starting = asyncio.Lock()
        self._playwright: Playwright | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._playwright is not None:
            await self._stop(self._playwright)
            self._playwright = None

    async def playwright(self) -> Playwright:
        """The running Playwright. Raises `BrowserFailed` if its driver does not start, `LaunchFailed` if it ended."""
        async with self._starting:
            if self._playwright is None:
                clean_playwright(self._node_cache)
                try:
                    self._playwright = await async_playwright().start()
                except Exception as error:  # Playwright raises plain exceptions here
                    own = Path(playwright.__file__).with_name("driver") / "node"
                    node = Path(os.environ.get("PLAYWRIGHT_NODEJS_PATH", own))  # as Playwright chooses
                    if await _starts(node):  # a signal for the whole process group ends it, for example
                        raise LaunchFailed("Playwright's driver ended while it started.") from error
                    raise BrowserFailed(_NO_DRIVER.format(node)) from error
            return self._playwright

    async def replace_if_dead(self) -> None:
        """If it does not answer, the next call of `playwright` starts another. The browsers of the old one are lost."""
        async with self._starting:
            suspect = self._playwright
            if suspect is not None and not await self._answers(suspect):
                _log.warning("Playwright's driver has died; starting a new one")
                self._playwright = None
                await self._stop(suspect)

    async def _answers(self, playwright: Playwright) -> bool:
        """Checked without a browser: one failed browser must not end the browsers of other sessions."""
        try:
            async with asyncio.timeout(5):
                await (await playwright.request.new_context()).dispose()
        except (TimeoutError, PlaywrightError):
            return False
        return True

    async def _stop(self, playwright: Playwright) -> None:
        try:
            async with asyncio.timeout(5):
                await playwright.stop()
        except Exception:  # noqa: BLE001 - a dead driver cannot be stopped
            _log.debug("stopping Playwright", exc_info=True)


async def _starts(node: Path) -> bool:
    """Whether that Node.js works on this machine."""
    try:
        probe = await asyncio.create_subprocess_exec(node, "--version", stdout=DEVNULL, stderr=DEVNULL)
    except OSError:
        return False
    return await probe.wait() == 0
