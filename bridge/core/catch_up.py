"""Catch-up journals what the page holds and the journal lacks: before each `connected`, and after a pairing.

A newly linked device receives its history from the phone over minutes. Messages written while no device was linked are
part of it, so a single pass right after the pairing would lose them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from bridge.contract.errors import CodedError
from bridge.core.inbound import InboundPipeline
from bridge.ports import DriverUnavailable, HasHistory, StoreUnusable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CatchUpLimits:
    """Times in seconds.

    `after_pairing`: pauses between the passes after a pairing, an hour in all, as long as `HISTORY_COMES` lowers the
    watermarks. `stalled`: within which a catch-up must make progress; it has no total limit, because with very many
    chats it takes minutes, and a cancelled one would start over, indefinitely.
    """

    after_pairing: Sequence[float] = (20.0, 60.0, 240.0, 900.0, 2400.0)
    stalled: float = 60.0


class CatchUp:
    """Journals messages that the page holds but the journal lacks."""

    def __init__(
        self,
        session: str,
        inbound: InboundPipeline,
        driver: HasHistory,
        limits: CatchUpLimits,
        after_history: Callable[[], Awaitable[None]],
    ) -> None:
        """`after_history` is called after each pass over the history that the phone sends after a pairing."""
        self._after_history = after_history
        self._session = session
        self._inbound = inbound
        self._driver = driver
        self._limits = limits
        self._one_at_a_time = asyncio.Lock()
        self._paired = asyncio.Event()

    async def collect(self) -> int:
        """Journal missing messages, in order; returns their number. Raises `DriverUnavailable`, and what the store
        raises."""
        async with self._one_at_a_time:
            watermarks, baseline = await self._inbound.watermarks()
            unread: dict[str, int] = {}
            found, clock = 0, asyncio.get_running_loop().time
            try:
                async with (
                    asyncio.timeout(stalled := self._limits.stalled) as limit,
                    aclosing(self._driver.collect(watermarks, baseline, self._inbound.acts_since)) as batches,
                ):
                    async for batch in batches:
                        if unread != self._driver.unread:  # before its messages move the chat's watermark
                            unread = dict(self._driver.unread)
                            await self._inbound.unread.add(unread)
                        found += await self._inbound.journal_messages(batch)
                        limit.reschedule(clock() + stalled)
            except TimeoutError as error:
                raise DriverUnavailable(f"The page has delivered nothing for {self._limits.stalled:g} s.") from error
            await self._inbound.unread.replace(self._driver.unread)
            await self._inbound.level_watermarks()
            return found

    def paired(self) -> None:
        """Start the passes for the history that the phone sends to a newly linked device."""
        self._paired.set()

    async def repeat(self) -> None:
        """Run the passes after each pairing, until cancelled. Raises what the store raises."""
        while True:
            await self._paired.wait()
            self._paired.clear()
            for pause in self._limits.after_pairing:
                await asyncio.sleep(pause)
                try:
                    found = await self.collect()
                except StoreUnusable:
                    raise
                except CodedError as error:  # the next connection catches up, too
                    _log.info("%s: the history from the phone was not read (%s)", self._session, error)
                else:
                    _log.info("%s: %d messages from the history that the phone sent", self._session, found)
                    await self._after_history()
