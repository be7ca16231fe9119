"""Memory use of browser, driver and bridge (proportional set size, as Linux counts it), and the trimming of the page.

Chromium's own collector lets a busy page grow to several times what it needs (measured: 114 to 415 MB over 100,000
messages, 171 MB after a collection). A page stays open for weeks, so it is asked to release memory.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from playwright.async_api import Error as PlaywrightError

from bridge.contract.session import SessionState, Situation
from bridge.contract.status import MemoryUse
from bridge.drivers.web import processes
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.web_page import WebPage
from bridge.ports import Clock

_log = logging.getLogger(__name__)
#: Seconds after the start in which a page's memory use says little.
_WARM_UP = 5.0
#: A page that is never idle is trimmed once it has grown by this factor.
_GROWTH = 1.5


def measure(profile: Path) -> MemoryUse:
    """Blocks for some milliseconds per process: call it in a thread."""
    return MemoryUse(
        browser_mb=_megabytes(mark.pid for mark in processes.of_profile(profile)),
        driver_mb=_megabytes(mark.pid for mark in processes.playwright_drivers()),
        bridge_mb=_megabytes([os.getpid()]),
    )


def browsers_megabytes() -> int:
    """The browsers of all sessions: the processes below Playwright's Node.js. Blocks as `measure` does."""
    drivers = processes.playwright_drivers()
    return _megabytes(
        {below.pid for mark in drivers for below in processes.tree(mark)} - {mark.pid for mark in drivers}
    )


def _megabytes(pids: Iterable[int]) -> int:
    return round(sum(map(_kilobytes, set(pids))) / 1024)


def _kilobytes(pid: int) -> int:
    """0 for a process that has ended, or whose memory the kernel does not let us read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


class PageMemory:
    """Measures one session's memory use, and trims its page when that is idle or has grown."""

    def __init__(self, session: str, *, profile: Path, limits: Limits, clock: Clock) -> None:
        self._session = session
        self._profile = profile
        self._limits = limits
        self._clock = clock
        self._next_check = clock.monotonic() + _WARM_UP
        self._busy_at = clock.monotonic()
        self._trimmed_at = -math.inf
        self._lean_mb = 0
        #: The last measurement; None while no browser runs.
        self.usage: MemoryUse | None = None

    def browser_started(self) -> None:
        self._next_check = self._clock.monotonic() + min(_WARM_UP, self._limits.memory)
        self._lean_mb = 0
        self.mark_busy()

    def browser_ended(self) -> None:
        self.usage = None

    def mark_busy(self) -> None:
        """Note that a message or a call passed."""
        self._busy_at = self._clock.monotonic()

    async def check(self, page: WebPage, situation: Situation) -> None:
        """Measure and trim, if due."""
        now = self._clock.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + self._limits.memory
        self.usage = await asyncio.to_thread(measure, self._profile)
        if situation.state is not SessionState.CONNECTED or now - self._trimmed_at < self._limits.idle:
            return
        idle = self._trimmed_at < self._busy_at <= now - self._limits.idle
        if not self._lean_mb:
            self._lean_mb = self.usage.browser_mb
        elif idle or self.usage.browser_mb > self._lean_mb * _GROWTH:
            await self._trim(page)
            self._trimmed_at = self._clock.monotonic()

    async def _trim(self, page: WebPage) -> None:
        before = self.usage
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(self._limits.trim):
                await page.trim()
        self.usage = await asyncio.to_thread(measure, self._profile)
        self._lean_mb = self.usage.browser_mb
        _log.info("%s: the page was trimmed: %s, before %s", self._session, self.usage, before)
