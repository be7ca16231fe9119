"""When a campaign sends: its window, its pause between two sends, its cap of a day. Pure.

Everything follows from the plan, the seed and the given times, so that a plan gives the same campaign again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Self
from zoneinfo import ZoneInfo

from bridge.contract.campaigns import CampaignPlan, Day, SendWindow
from bridge.contract.pace import Pace

#: Days after which every window has opened, with a change of the clocks among them.
_WEEKS = 15
_DAYS = tuple(Day)


def draw(seed: int, *parts: object) -> float:
    """A number in [0, 1) that is always the same for these arguments."""
    digest = hashlib.sha256(":".join(map(str, (seed, *parts))).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


@dataclass(frozen=True, slots=True)
class WindowHours:
    """A window as spans of time. All moments are unix seconds."""

    window: SendWindow

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the window."""
        return ZoneInfo(self.window.timezone)

    def local_date(self, moment: float) -> date:
        """The day of a moment in the window's zone."""
        return datetime.fromtimestamp(moment, self.zone).date()

    def span(self, day: date) -> tuple[float, float] | None:
        """When the window that begins on this day opens and closes; None on a day without one."""
        window = self.window
        if _DAYS[day.weekday()] not in window.days:
            return None
        ends_on = day if window.from_ < window.to else day + timedelta(days=1)
        opens, closes = self._moment(day, window.from_), self._moment(ends_on, window.to)
        return (opens, closes) if opens < closes else None  # a change of the clocks may leave nothing of it

    def open_until(self, moment: float) -> float | None:
        """When the window that is open at this moment closes; None if it is closed."""
        today = self.local_date(moment)
        for day in (today - timedelta(days=1), today):
            span = self.span(day)
            if span is not None and span[0] <= moment < span[1]:
                return span[1]
        return None

    def next_open(self, moment: float) -> float:
        """The first moment from this one on at which the window is open."""
        if self.open_until(moment) is not None:
            return moment
        today = self.local_date(moment)
        for ahead in range(_WEEKS):
            span = self.span(today + timedelta(days=ahead))
            if span is not None and span[0] >= moment:
                return span[0]
        raise ValueError("the window never opens")

    def _moment(self, day: date, at: clock) -> float:
        if at == clock.max:
            day, at = day + timedelta(days=1), clock()
        return datetime.combine(day, at, self.zone).astimezone(UTC).timestamp()


@dataclass(frozen=True, slots=True)
class CampaignPace:
    """The pace of one campaign."""

    hours: WindowHours
    pause: float
    jitter: float
    per_day: int | None
    warm_up: tuple[int, ...]
    seed: int

    @classmethod
    def of(cls, plan: CampaignPlan, seed: int) -> Self:
        """The pace of a plan; pace `off` has no pauses."""
        pace = Pace.parse(plan.pace, burst=1)
        pause = 0.0 if pace.is_off else 1 / pace.rate
        return cls(WindowHours(plan.window), pause, plan.jitter, plan.per_day, plan.warm_up, seed)

    def pause_after(self, n: int) -> float:
        """Seconds between the start of send number `n` and the next one."""
        return self.pause * (1 + self.jitter * (2 * draw(self.seed, "pause", n) - 1))

    def cap(self, day: int) -> int | None:
        """Most sends of the campaign's day, from 0; None: no limit. The last step of a warm-up stays the limit of
        later days, unless the plan has a limit of a day."""
        limits = [limit for limit in (self.per_day, self._warm(day)) if limit is not None]
        return min(limits, default=None)

    def day_of(self, first: float, moment: float) -> int:
        """The number of the campaign's day at a moment, if its first send was at `first`."""
        return max(0, (self.hours.local_date(moment) - self.hours.local_date(first)).days)

    def midnight(self, moment: float, days: int = 0) -> float:
        """The begin of the day of a moment, or of the one `days` later."""
        day = self.hours.local_date(moment) + timedelta(days=days)
        return datetime.combine(day, clock(), self.hours.zone).timestamp()

    def next_send(self, now: float, *, last: tuple[int, float] | None, first: float | None, today: int) -> float:
        """When the next one may leave, from `now` on.

        `last`: number and moment of the session's send before it; `first`: moment of the campaign's first send;
        `today`: the session's sends of the day of `now`.
        """
        at = now if last is None else max(now, last[1] + self.pause_after(last[0]))
        if self.is_full(now, first=first, today=today):
            at = max(at, self.midnight(now, 1))
        return self.hours.next_open(at)

    def is_full(self, now: float, *, first: float | None, today: int) -> bool:
        """Whether the day of `now` has had its most sends."""
        cap = self.cap(0 if first is None else self.day_of(first, now))
        return cap is not None and today >= cap

    def _warm(self, day: int) -> int | None:
        if not self.warm_up or (day >= len(self.warm_up) and self.per_day is not None):
            return None
        return self.warm_up[min(day, len(self.warm_up) - 1)]
