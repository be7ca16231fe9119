"""What a session may send: its paces, the token bucket of answers, the budget of first messages. Pure: time comes in.

A first message goes to a person who has not written lately. WhatsApp judges a number by those above all, so they have a
slow, uneven pace of their own, and may have a number for each day.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from bridge.contract.pace import Pace
from bridge.contract.quiet_hours import QuietHours
from bridge.contract.waiting import WaitReason

#: A person who wrote less than these seconds ago is answered; others get first messages.
RECENT = 30 * 24 * 3600.0
#: The seconds in which `WA_NEW_PER_DAY` first messages may leave: any of that length, not a date.
DAY = 24 * 3600.0
#: Share by which the time between two first messages is shorter or longer than their pace says.
SPREAD = 0.5

_OFF = Pace(math.inf, 1, "off")


@dataclass(frozen=True, slots=True)
class Pacing:
    """The paces of a session. `spacing` and `jitter` are seconds; jitter is added only to a send that had to wait.

    `new` is that of first messages, `per_day` their number in 24 hours. `quiet` holds bulk messages, in local time of
    `zone`.
    """

    session: Pace
    chat: Pace
    spacing: float = 0.0
    jitter: float = 0.0
    checks: Pace = field(default=_OFF)  # of numbers
    new: Pace = field(default=_OFF)
    per_day: int | None = None
    quiet: QuietHours = field(default=QuietHours())
    zone: tzinfo = UTC

    @property
    def every(self) -> float:
        """Mean seconds between two messages of a session while many wait; 0 without a pace."""
        rate = 0.0 if self.session.is_off else 1 / self.session.rate
        return max(rate, self.spacing + self.jitter / 2)

    @property
    def every_new(self) -> float:
        """The same of first messages."""
        return max(self.every, 0.0 if self.new.is_off else 1 / self.new.rate)


class TokenBucket:
    """A token bucket that starts full."""

    __slots__ = ("_filled_at", "_pace", "_tokens")

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._tokens = float(pace.burst)
        self._filled_at = 0.0

    def tokens(self, now: float) -> float:
        """Tokens at `now`; infinite without pacing."""
        if self._pace.is_off:
            return math.inf
        return min(float(self._pace.burst), self._tokens + max(0.0, now - self._filled_at) * self._pace.rate)

    def ready_at(self, now: float, count: int = 1) -> float:
        """When `count` tokens have become available; more than fit in the bucket are taken one after another."""
        tokens = self.tokens(now)
        return now if tokens >= count else now + (count - tokens) / self._pace.rate

    def take(self, now: float, count: int = 1) -> None:
        """Take an available token; -1 returns one."""
        self._tokens, self._filled_at = self.tokens(now) - count, now

    def full_at(self, now: float) -> float:
        """When the bucket is full again and can be dropped."""
        missing = self._pace.burst - self.tokens(now)
        return now + missing / self._pace.rate if missing > 0 else now


class FirstMessages:
    """When first messages may leave: one at a time, at an uneven pace, limited for 24 hours, none while locked."""

    def __init__(self, pace: Pace, per_day: int | None) -> None:
        self._interval = 0.0 if pace.is_off else 1 / pace.rate
        self.per_day = per_day
        self._times: deque[float] = deque()  # of the last day, where anything is limited; oldest first
        self._next = -math.inf
        self._in_flight: dict[int, tuple[float, float]] = {}  # number -> when it was taken, `_next` before
        #: Until when WhatsApp lets none through.
        self.locked_until = -math.inf

    @property
    def is_limited(self) -> bool:
        """Whether they have a pace or a number for each day."""
        return self._interval > 0 or self.per_day is not None

    def load(self, times: Iterable[float], now: float) -> None:
        """Take over when earlier ones were sent, in order; one in the future counts as sent now."""
        if self.is_limited:
            self._times = deque(min(at, now) for at in times)
            self._next = self._times[-1] + self._interval if self._times else -math.inf

    def sent(self, now: float) -> int:
        """How many were sent in the last day."""
        while self._times and self._times[0] <= now - DAY:
            self._times.popleft()
        return len(self._times)

    def wait(self, now: float, ahead: int = 0) -> tuple[float, WaitReason]:
        """When one may leave that has `ahead` others before it, and what holds it longest."""
        return max(
            (max(self._next, now) + self._interval * ahead, WaitReason.FIRST_MESSAGE_PACE),
            (self._day_allows(now, ahead), WaitReason.FIRST_MESSAGES_PER_DAY),
            (self.locked_until + self._interval * ahead, WaitReason.REACH_OUT_LOCK),
        )

    def ready_at(self, now: float) -> float:
        """When the next one may leave; `now` or earlier: at once."""
        return max(self._next, self.locked_until, self._day_allows(now, 0))

    def left(self, now: float) -> int | None:
        """How many could leave at once; None without a limit."""
        if self.ready_at(now) > now:
            return 0
        if self._interval > 0:
            return 1
        return None if self.per_day is None else self.per_day - self.sent(now)

    def has(self, number: int) -> bool:
        """Whether the row of this number is in flight and counted."""
        return number in self._in_flight

    def take(self, number: int, now: float, drawn: float) -> None:
        """The row of this number is sent. `drawn` in 0..1 decides how long the next one waits."""
        if self.is_limited:
            self._in_flight[number] = now, self._next
            self._times.append(now)
            self._next = now + self._interval * (1 - SPREAD + 2 * SPREAD * drawn)

    def give_back(self, number: int, now: float) -> None:
        """The row was not sent after all."""
        if (taken := self._in_flight.pop(number, None)) is not None:
            at, before = taken
            if self._times and self._times[-1] == at:
                self._next = min(before, now)  # no other was sent since
            if at in self._times:
                self._times.remove(at)

    def settle(self, number: int) -> None:
        """The row's outcome is known, or it is not in flight."""
        self._in_flight.pop(number, None)

    def _day_allows(self, now: float, ahead: int) -> float:
        if self.per_day is None:
            return -math.inf
        over = self.sent(now) + ahead - self.per_day  # its place after those that fit into this day
        if over < 0:
            return -math.inf
        if over < len(self._times):
            return self._times[over] + DAY
        return now + DAY * (1 + (over - len(self._times)) // self.per_day)
