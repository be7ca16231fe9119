"""Holds messages to people who never wrote while WhatsApp does not let them through. Answers go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from bridge.contract.errors import CodedError, ReachOutLocked
from bridge.contract.jid import Jid
from bridge.contract.kinds import Act, Content
from bridge.contract.payload import instant
from bridge.contract.waiting import Waiting, WaitReason
from bridge.core.account_limits import LimitsKeeper
from bridge.core.pacing import Schedule
from bridge.core.people import People, is_of_two
from bridge.ports import Clock, OutboxRow

_log = logging.getLogger(__name__)


class ReachOutLock:
    """The commands of one session that WhatsApp's lock concerns."""

    def __init__(
        self, session: str, people: People, schedule: Schedule, clock: Clock, wake: Callable[[], None]
    ) -> None:
        """`wake` is called when rows may go again."""
        self._session = session
        self._people = people
        self._schedule = schedule
        self._clock = clock
        self._wake = wake
        self._limits: LimitsKeeper | None = None
        self.held: dict[int, OutboxRow] = {}

    def obey(self, limits: LimitsKeeper) -> None:
        """Take the lock from there; without it nothing is held."""
        self._limits = limits
        limits.on_change(self._changed)

    def refused(self, error: CodedError) -> None:
        """A message was not sent because of this error."""
        if isinstance(error, ReachOutLocked) and self._limits is not None:
            self._limits.refused(error.until)

    async def wait_of(self, to: Jid, content: Content) -> Waiting | None:
        """What this content for this address waits for; None where no lock concerns it."""
        until = self._until
        if until is None or isinstance(content, Act) or not is_of_two(to) or await self._people.has_written(to):
            return None
        return Waiting(reason=WaitReason.REACH_OUT_LOCK, until=instant(until))

    async def hold(self, row: OutboxRow) -> bool:
        """Put a row back whose turn has come, if it has to wait; returns whether it has."""
        if await self.wait_of(Jid.parse(row.claim.to), row.claim.content) is None or (until := self._until) is None:
            self.drop(row)
            return False
        _log.info("%s: %s waits for the end of WhatsApp's lock", self._session, row.claim.id)
        self.held[row.number] = row
        now = self._clock.monotonic()
        self._schedule.put_back(row, now, not_before=now + until - self._clock.now())
        return True

    def drop(self, row: OutboxRow) -> None:
        """A row does not wait any more."""
        self.held.pop(row.number, None)

    def waiting(self, rows: Iterable[OutboxRow]) -> dict[int, Waiting]:
        """What those of these rows that are held wait for, by number."""
        until = self._until
        wait = Waiting(reason=WaitReason.REACH_OUT_LOCK, until=None if until is None else instant(until))
        return {row.number: wait for row in rows if row.number in self.held}

    @property
    def _until(self) -> float | None:
        return None if self._limits is None else self._limits.locked_until

    def _changed(self) -> None:
        if self._until is None:
            for row in self.held.values():
                self._schedule.resume(row)
            self.held.clear()
            self._wake()
