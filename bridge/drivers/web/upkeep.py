"""Care for a page that stays open for weeks: the memory in use is measured, and an idle page gives back what it can."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from playwright.async_api import Error as PlaywrightError

from bridge.contract.session import SessionState, Situation
from bridge.contract.status import MemoryUse
from bridge.ports.memory import Clock

from . import memory
from .limits import Limits
from .web_page import WebPage

log = logging.getLogger(__name__)
#: Seconds after its start in which a page's figure says little.
_WARM_UP = 5.0
_TRIM_LIMIT = 10.0


class Upkeep:
    """Of one driver."""

    def __init__(self, session: str, profile: Path, limits: Limits, clock: Clock) -> None:
        self._session = session
        self._profile = profile
        self._limits = limits
        self._clock = clock
        self._due = clock.monotonic() + _WARM_UP
        self._busy_at = clock.monotonic()
        self._trimmed = False
        #: The newest figure; None while no browser runs.
        self.memory: MemoryUse | None = None

    def started(self) -> None:
        """A browser came up."""
        self._due = self._clock.monotonic() + min(_WARM_UP, self._limits.memory)
        self.busy()

    def ended(self) -> None:
        """It is gone."""
        self.memory = None

    def busy(self) -> None:
        """Something came or went."""
        self._busy_at, self._trimmed = self._clock.monotonic(), False

    async def look(self, page: WebPage, situation: Situation) -> None:
        """Measure and trim where it is time for it."""
        now = self._clock.monotonic()
        if now < self._due:
            return
        self._due = now + self._limits.memory
        idle = situation.state is SessionState.CONNECTED and now - self._busy_at >= self._limits.idle
        if idle and not self._trimmed:
            self._trimmed = True
            with suppress(PlaywrightError, TimeoutError):
                async with asyncio.timeout(_TRIM_LIMIT):
                    await page.trim()
        before, self.memory = self.memory, await asyncio.to_thread(memory.measure, self._profile)
        log.debug("%s: %s (before: %s)", self._session, self.memory, before)
