"""When a session sleeps and wakes: asleep after a time without work, where the operator allows it; awake for a command
that is due, and at intervals to fetch what arrived meanwhile.

A sleeping session receives nothing, so one that was put to sleep by a person and may not fall asleep by itself is not
woken at intervals: it would stay awake.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from bridge.contract.controls import ControlAction
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState
from bridge.core.session import Session
from bridge.ports import Clock, MediaQueue, Outbox

_log = logging.getLogger(__name__)


class SleepRhythm:
    """Puts one session to sleep and wakes it.

    `after` gives the seconds without work, None: it never sleeps; `check` those asleep; `short_look` is how long it
    stays awake after a look that found nothing to do.
    """

    def __init__(
        self,
        session: Session,
        outbox: Outbox,
        media: MediaQueue,
        clock: Clock,
        *,
        after: Callable[[], float | None],
        check: Callable[[], float],
        short_look: float,
    ) -> None:
        self._session = session
        self._outbox = outbox
        self._media = media
        self._clock = clock
        self._after = after
        self._check = check
        self._short_look = short_look
        self._asleep_since: float | None = None
        self._awake_since: float | None = None
        self._looking = False

    async def run(self, every: float) -> None:
        """Look every `every` seconds, until cancelled: a look compares a few numbers, so it costs nothing."""
        while True:
            await asyncio.sleep(every)
            situation = self._session.view.situation
            if situation.reason is Reason.ASLEEP:
                self._awake_since = None
                await self._while_asleep()
            else:
                self._asleep_since = None
                if situation.state is SessionState.CONNECTED:
                    await self._while_connected()
                else:
                    self._awake_since = None

    async def _while_asleep(self) -> None:
        view, now = self._session.view, self._clock.monotonic()
        if self._asleep_since is None:
            self._asleep_since = now
        if self._has_work:
            await self._wake("a command is due", looking=False)
        elif self._after() is not None:
            left = self._asleep_since + self._check() - now
            if left <= 0:
                await self._wake("looking for messages", looking=True)
            elif view.situation.detail is None:
                at = f"{instant(self._clock.now() + left):%Y-%m-%d %H:%M}"
                view.set(replace(view.situation, detail=f"it looks for messages at {at} UTC"))

    async def _wake(self, why: str, *, looking: bool) -> None:
        _log.info("%s: %s; waking up", self._session.name, why)
        self._looking = looking
        await self._session.control(ControlAction.INIT)

    async def _while_connected(self) -> None:
        now, after = self._clock.monotonic(), self._after()
        if self._awake_since is None or self._has_work:
            self._awake_since = now
        if after is None:
            return
        active = self._session.view.active_at
        if self._looking and active <= self._awake_since and not self._media.waiting:
            after = min(after, self._short_look)
        if now - max(self._awake_since, active) >= after:
            _log.info("%s: nothing to do; falling asleep", self._session.name)
            await self._session.control(ControlAction.SLEEP)

    @property
    def _has_work(self) -> bool:
        return self._outbox.open_count > self._session.outbound.not_yet_due
