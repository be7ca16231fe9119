"""What the commands of a session wait for and what it may send now, as published: its times become clock times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from bridge.contract.budget import Budget, FirstMessagesBudget, SendBudget
from bridge.contract.errors import CodedError
from bridge.contract.jid import Jid
from bridge.contract.lifecycle import SendState
from bridge.contract.payload import instant
from bridge.contract.waiting import Waiting, WaitReason
from bridge.core.pacing import PacedWait, Schedule
from bridge.core.people import People
from bridge.ports import Claim, Clock, OutboxRow

#: Seconds by which the clocks may drift apart before published times follow: else one time would be published in ever
#: new spellings.
_DRIFT = 1.0


class SendWaits:
    """Reads one session's schedule. `is_open` = the connection is usable, so that only the schedule holds commands."""

    def __init__(self, schedule: Schedule, people: People, clock: Clock) -> None:
        self._schedule = schedule
        self._people = people
        self._clock = clock
        self._offset = clock.now() - clock.monotonic()
        self.is_open = False
        #: Number of a row -> why its file could not be prepared yet.
        self.not_prepared: dict[int, CodedError] = {}

    def of(self, rows: Sequence[OutboxRow]) -> dict[int, Waiting]:
        """What those of these rows that are accepted wait for, by number."""
        if not self.is_open:
            return {row.number: self._of_closed(row.claim) for row in rows if row.state is SendState.ACCEPTED}
        found = self._schedule.waits(rows, self._clock.monotonic())
        return {number: self._published(wait, self.not_prepared.get(number)) for number, wait in found.items()}

    def of_next(self, claim: Claim, to: Jid, *, can_be_first: bool) -> Waiting | None:
        """What a command that is claimed now waits for."""
        if not self.is_open:
            return self._of_closed(claim)
        lane = self._people.lane(to)
        first = can_be_first and self._people.is_stranger(lane)
        wait = self._schedule.wait_of_next(claim, lane, self._clock.monotonic(), self._clock.now(), first=first)
        return None if wait is None else self._published(wait)

    @property
    def budget(self) -> SendBudget | None:
        """What may be sent now; None where nothing limits it."""
        now, unix_now = self._clock.monotonic(), self._clock.now()
        schedule, first = self._schedule, self._schedule.first_messages
        quiet, answers = schedule.timetable.quiet_until(unix_now), schedule.budget(now)
        hours, pacing = schedule.timetable.quiet_hours, schedule.pacing
        if answers is None and not first.is_limited and hours is None:
            return None
        left = first.left(now)
        both = left if answers is None or left is None else min(answers, left)
        return SendBudget(
            answers=Budget(
                left=answers,
                next_at=self._next_at(schedule.ready_at(now), now),
                every=round(pacing.every, 3) or None,
            ),
            first_messages=FirstMessagesBudget(
                left=answers if left is None else both,
                next_at=self._next_at(max(first.ready_at(now), schedule.ready_at(now)), now),
                today=first.sent(now) if first.is_limited else None,
                per_day=first.per_day,
                every=round(pacing.every_new, 3) or None,
            ),
            quiet_until=None if quiet is None else instant(quiet),
            quiet_hours=None if hours is None else hours[0],
            timezone=None if hours is None else hours[1],
        )

    def _of_closed(self, claim: Claim) -> Waiting:
        if claim.send_at is not None and claim.send_at > self._clock.now():
            return Waiting(reason=WaitReason.SEND_AT, until=instant(claim.send_at))
        return Waiting(reason=WaitReason.NOT_CONNECTED, until=None)

    def _published(self, wait: PacedWait, error: CodedError | None = None) -> Waiting:
        until = instant(wait.at) if wait.at is not None else None
        waiting = Waiting(reason=wait.reason, until=until if wait.until is None else self._instant(wait.until))
        if error is None or wait.reason is not WaitReason.FILE:
            return waiting
        return waiting.model_copy(update={"text": error.text, "detail_code": error.detail})

    def _next_at(self, at: float, now: float) -> datetime | None:
        """In whole seconds, so that a status is published once for it."""
        return None if at <= now else instant(math.ceil(self._instant(at).timestamp()))

    def _instant(self, at: float) -> datetime:
        offset = self._clock.now() - self._clock.monotonic()
        if abs(offset - self._offset) > _DRIFT:
            self._offset = offset
        return instant(at + self._offset)
