"""Catch-up journals what WhatsApp's page holds and the journal lacks: before each `connected`, and after a pairing.

A newly linked device receives its history from the phone over minutes. What was written while no device was linked is
part of it, so a single pass right after the pairing would lose messages.
"""

from __future__ import annotations

import asyncio
import logging

from bridge.contract.errors import CodedError
from bridge.core.inbound import InboundPipeline
from bridge.ports import DriverUnavailable, StoreUnusable, WhatsAppDriver

_log = logging.getLogger(__name__)
#: Seconds between the looks that follow a pairing: an hour in all, as long as the inbound half goes back.
AFTER_PAIRING = (20.0, 60.0, 240.0, 900.0, 2400.0)
#: Seconds in which a catch-up has to get on. There is no limit for the whole: with very many chats it takes minutes,
#: and one that was broken off would begin again for ever.
STALLED = 60.0


class CatchUp:
    """Takes what the page has and the journal has not."""

    def __init__(self, session: str, inbound: InboundPipeline, driver: WhatsAppDriver) -> None:
        self._session = session
        self._inbound = inbound
        self._driver = driver
        self._one_at_a_time = asyncio.Lock()
        self._paired = asyncio.Event()

    async def collect(self) -> int:
        """Journal what is missing, in order; returns how much was. Raises `DriverUnavailable`, and what the store
        raises."""
        async with self._one_at_a_time:
            watermarks, baseline = await self._inbound.watermarks()
            unread: dict[str, int] = {}
            found, clock = 0, asyncio.get_running_loop().time
            try:
                async with asyncio.timeout(STALLED) as limit:
                    async for batch in self._driver.collect(watermarks, baseline):
                        if unread != self._driver.unread:  # before its messages move its watermark
                            unread = dict(self._driver.unread)
                            await self._inbound.unread.add(unread)
                        found += await self._inbound.take(batch, late=True)
                        limit.reschedule(clock() + STALLED)
            except TimeoutError as error:
                raise DriverUnavailable(f"The page has handed over nothing for {STALLED:g} s.") from error
            await self._inbound.unread.become(unread)
            return found

    def paired(self) -> None:
        """A device was linked a short time ago: look again and again for what its phone sends."""
        self._paired.set()

    async def repeat(self) -> None:
        """Look after each pairing, until cancelled. Raises what the store raises."""
        while True:
            await self._paired.wait()
            self._paired.clear()
            for pause in AFTER_PAIRING:
                await asyncio.sleep(pause)
                try:
                    found = await self.collect()
                except StoreUnusable:
                    raise
                except CodedError as error:  # the next connection looks as well
                    _log.info("%s: no look at what the phone sent (%s)", self._session, error)
                else:
                    _log.info("%s: the phone has sent %d messages since the pairing", self._session, found)
