"""Memory of browser, driver and bridge (proportional set size, as Linux counts it), and how a page's is kept bounded.

Chromium's own collector lets a busy page grow to several times what it needs (measured: 114 to 415 MB over 100,000
messages, 171 after a collection), so that a page which stays open for weeks is asked to give memory back.
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


def measure(profile: Path) -> MemoryUse:
    """Look now. Takes some milliseconds a process: for a thread."""
    return MemoryUse(
        browser_mb=_megabytes(mark.pid for mark in processes.of_profile(profile)),
        driver_mb=_megabytes(mark.pid for mark in processes.playwright_drivers()),
        bridge_mb=_megabytes([os.getpid()]),
    )


def _megabytes(pids: Iterable[int]) -> int:
    return round(sum(map(_kilobytes, set(pids))) / 1024)


def _kilobytes(pid: int) -> int:
    """0 for a process that is gone, or that the kernel does not let us look at."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


_log = logging.getLogger(__name__)
#: Seconds after its start in which a page's figure says little.
_WARM_UP = 5.0
_TRIM_LIMIT = 10.0
#: By how much a page that is never idle may grow before it is trimmed all the same.
_GROWTH = 1.5


class PageMemory:
    def __init__(self, session: str, profile: Path, limits: Limits, clock: Clock) -> None:
        self._session = session
        self._profile = profile
        self._limits = limits
        self._clock = clock
        self._due = clock.monotonic() + _WARM_UP
        self._busy_at = clock.monotonic()
        self._trimmed_at = -math.inf
        self._lean_mb = 0
        #: The newest figure; None while no browser runs.
        self.memory: MemoryUse | None = None

    def started(self) -> None:
        """A browser came up."""
        self._due = self._clock.monotonic() + min(_WARM_UP, self._limits.memory)
        self._lean_mb = 0
        self.busy()

    def ended(self) -> None:
        self.memory = None

    def busy(self) -> None:
        """Something came or went."""
        self._busy_at = self._clock.monotonic()

    async def look(self, page: WebPage, situation: Situation) -> None:
        """Measure and trim where it is time for it."""
        now = self._clock.monotonic()
        if now < self._due:
            return
        self._due = now + self._limits.memory
        self.memory = await asyncio.to_thread(measure, self._profile)
        if situation.state is not SessionState.CONNECTED or now - self._trimmed_at < self._limits.idle:
            return
        idle = self._trimmed_at < self._busy_at <= now - self._limits.idle
        if not self._lean_mb:
            self._lean_mb = self.memory.browser_mb
        elif idle or self.memory.browser_mb > self._lean_mb * _GROWTH:
            await self._trim(page)
            self._trimmed_at = self._clock.monotonic()

    async def _trim(self, page: WebPage) -> None:
        before = self.memory
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(_TRIM_LIMIT):
                await page.trim()
        self.memory = await asyncio.to_thread(measure, self._profile)
        self._lean_mb = self.memory.browser_mb
        _log.info("%s: the page was trimmed: %s, before %s", self._session, self.memory, before)
