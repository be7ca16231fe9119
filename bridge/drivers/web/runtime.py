"""One Playwright for the whole process: its Node driver takes about 100 MiB, so all sessions share it."""

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

from bridge.drivers.web import processes
from bridge.drivers.web.child_environment import clean_playwright
from bridge.drivers.web.executable import BrowserFailed, LaunchFailed
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.processes import ProcessMark
from bridge.drivers.web.unread_frames import drop_unread_frames

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

    def __init__(self, node_cache: Path | None = None, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self._limits = limits
        self._node_cache = node_cache
        self._starting = asyncio.Lock()
        self._playwright: Playwright | None = None
        self._nodes: list[ProcessMark] = []

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
                drop_unread_frames()
                others = processes.playwright_drivers()
                # cancelled, it would leave its Node.js running: it is finished, for the next one that asks
                start = asyncio.create_task(async_playwright().start(), name="start of Playwright")
                try:
                    await asyncio.shield(start)
                except Exception as error:  # Playwright raises plain exceptions here
                    own = Path(playwright.__file__).with_name("driver") / "node"
                    node = Path(os.environ.get("PLAYWRIGHT_NODEJS_PATH", own))  # as Playwright chooses
                    if await _starts(node):  # a signal for the whole process group ends it, for example
                        raise LaunchFailed("Playwright's driver ended while it started.") from error
                    raise BrowserFailed(_NO_DRIVER.format(node)) from error
                finally:
                    await asyncio.wait([start], timeout=self._limits.node)
                    self._nodes = [mark for mark in processes.playwright_drivers() if mark not in others]
                    if start.done() and start.exception() is None:
                        self._playwright = start.result()
                return start.result()
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
            async with asyncio.timeout(self._limits.node):
                await (await playwright.request.new_context()).dispose()
        except (TimeoutError, PlaywrightError):
            return False
        return True

    async def _stop(self, playwright: Playwright) -> None:
        stopping = asyncio.create_task(_stopped(playwright), name="stop of Playwright")
        _, hanging = await asyncio.wait([stopping], timeout=self._limits.node)
        if hanging:  # it does not see that its input has ended
            await processes.end(self._nodes, self._limits.node)
            await asyncio.wait(hanging, timeout=self._limits.node)
            stopping.cancel()


async def _stopped(playwright: Playwright) -> None:
    try:
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
