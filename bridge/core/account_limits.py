"""What WhatsApp allows this account: from its page, and from its refusals; reported by the status and by events."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress

from bridge.contract.events import LIMITS, EventBody
from bridge.contract.limits import AccountLimits
from bridge.contract.payload import instant
from bridge.contract.requests import Request
from bridge.ports import Clock, Journal, KeyValueStore

_log = logging.getLogger(__name__)
_NAME = "limits"
#: Seconds for which a lock is assumed whose end WhatsApp does not say.
ASSUMED = 3600.0
#: Seconds by which two reports of one end may differ.
_SAME = 60.0


class LimitsKeeper:
    """The limits of one session's account. They survive a restart."""

    def __init__(self, session: str, journal: Journal, memory: KeyValueStore, clock: Clock) -> None:
        self._session = session
        self._journal = journal
        self._memory = memory
        self._clock = clock
        self._page = AccountLimits()
        self._refused_until = 0.0
        self._published = AccountLimits()
        self._changed = asyncio.Event()
        self._on_change: Callable[[], None] = lambda: None

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` at each change, before it is stored and reported, and when a lock ends."""
        self._on_change = changed

    @property
    def locked_until(self) -> float | None:
        """Unix time until which no message may go to people who never wrote; None: no lock is known."""
        page = self._page.reach_out_locked_until
        until = max(self._refused_until, page.timestamp() if page else 0.0)
        return until if until > self._clock.now() else None

    @property
    def current(self) -> AccountLimits:
        """The limits as published."""
        until = self.locked_until
        return AccountLimits(
            reach_out_locked_until=None if until is None else instant(until), new_chats=self._page.new_chats
        )

    def reported(self, limits: AccountLimits) -> None:
        """Take over what the page says."""
        self._page = limits
        self._on_change()
        self._changed.set()

    def refused(self, until: float | None) -> None:
        """WhatsApp refused a message because of the lock; `until` is its end in unix time, where it says so."""
        self._refused_until = max(self._refused_until, until or self._clock.now() + ASSUMED)
        self._on_change()
        self._changed.set()

    async def answer(self, _: Request) -> object:
        """The data of `limits.get`."""
        return self.current.model_dump(mode="json")

    async def run(self) -> None:
        """Store and report each change, until cancelled. Raises what the store raises."""
        stored = json.loads(await self._memory.get(_NAME) or "{}")
        self._published = AccountLimits.model_validate(stored.get("published", {}))
        self._refused_until = max(self._refused_until, stored.get("refused_until", 0.0))
        while True:
            self._changed.clear()
            self._on_change()
            await self._report()
            until = self.locked_until
            left = None if until is None else until - self._clock.now() + 0.1
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()

    async def _report(self) -> None:
        limits = self.current
        if _same(limits, self._published):
            return
        _log.info("%s: WhatsApp's limits: %s", self._session, limits.to_json())
        event = EventBody(kind=LIMITS, at=instant(self._clock.now()), limits=limits)
        await self._journal.append_event(event.to_json(), kind=LIMITS)
        self._published = limits
        stored = {"published": limits.model_dump(mode="json"), "refused_until": self._refused_until}
        await self._memory.set(_NAME, json.dumps(stored))


def _same(one: AccountLimits, other: AccountLimits) -> bool:
    """Whether they say the same; the end of a lock may come with a small difference each time."""
    ends = [limits.reach_out_locked_until for limits in (one, other)]
    if None in ends:
        return one == other
    first, second = (end.timestamp() for end in ends if end is not None)
    return abs(first - second) < _SAME and one.new_chats == other.new_chats
