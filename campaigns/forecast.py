"""When the campaigns of a session will end: by their own pace and by the bridge's, whichever is slower, one after the
other. Pure; moments are unix seconds.

First messages and answers are taken as evenly mixed, and the bridge as having nothing else to send.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.client import SessionStatus
from bridge.contract.campaigns import LONGEST_DAYS
from bridge.contract.quiet_hours import QuietHours
from campaigns.pacing import CampaignPace

DAY = 86_400.0
#: Seconds after which a person who wrote counts as a stranger again, as the bridge's budgets have it.
RECENT = 30 * DAY
#: Against rounding, where a send would leave at the very end of its window.
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class BridgePace:
    """What the bridge lets through: mean seconds between two messages, and what holds those to strangers."""

    every: float = 0.0
    first_every: float = 0.0
    first_per_day: int | None = None
    first_today: int = 0
    first_at: float = 0.0
    quiet: QuietHours = field(default=QuietHours())
    zone: tzinfo = UTC

    @classmethod
    def of(cls, status: SessionStatus | None) -> Self:
        """As a session publishes it; without a status nothing is known to hold a campaign up."""
        if status is None:
            return cls()
        locked = status.limits.reach_out_locked_until if status.limits is not None else None
        first_at = 0.0 if locked is None else locked.timestamp()
        if (budget := status.budget) is None:
            return cls(first_at=first_at)
        first = budget.first_messages
        if first.next_at is not None and first.per_day is not None and (first.today or 0) >= first.per_day:
            first_at = max(first_at, first.next_at.timestamp())
        try:
            quiet, zone = QuietHours.parse(budget.quiet_hours or ""), ZoneInfo(budget.timezone or "UTC")
        except (ValueError, ZoneInfoNotFoundError):  # of a newer bridge
            quiet, zone = QuietHours(), ZoneInfo("UTC")
        return cls(
            every=budget.answers.every or 0.0,
            first_every=first.every or 0.0,
            first_per_day=first.per_day,
            first_today=first.today or 0,
            first_at=first_at,
            quiet=quiet,
            zone=zone,
        )


@dataclass(frozen=True, slots=True)
class CampaignLoad:
    """What one campaign has still to send: `left` messages, of which `strangers` are first messages, from `start` on.

    `first`: moment of its first send; `today`: sends of all campaigns of its session on the day of the forecast.
    """

    pace: CampaignPace
    left: int
    strangers: int
    start: float
    first: float | None = None
    today: int = 0


class _Rolling:
    """A limit of first messages in any 24 hours. They are kept as runs with the same time between two."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._runs: deque[tuple[float, float, float]] = deque()  # when the first one left, how many, seconds between

    def note(self, at: float, count: float, every: float) -> None:
        """That many leave from this moment on."""
        if count > 0:
            self._runs.append((at, count, every))

    def room(self, moment: float) -> tuple[float, float]:
        """How many may leave from this moment on without a pause; if less than one, when it is to be asked again."""
        while self._runs and self._left(moment) <= 0:
            self._runs.popleft()
        used = sum(count for _, count, _ in self._runs)
        if not self._runs:
            return self._most, moment
        start, count, _ = self._runs[0]
        left = self._left(moment)
        free = self._most - used + count - left
        if free > _EPSILON and left < count:  # its places become free at the time that the next ones take
            return free + left, moment
        return (free, moment) if free > _EPSILON else (0, start + DAY)

    def _left(self, moment: float) -> float:
        """How many of the oldest run are less than a day old."""
        start, count, every = self._runs[0]
        if moment < start + DAY:
            return count
        return 0 if every == 0 else max(0, count - 1 - int((moment - DAY - start) / every + _EPSILON))


class _Sending:
    """One campaign of a forecast while it sends."""

    def __init__(self, load: CampaignLoad, bridge: BridgePace, now: float) -> None:
        self.pace = load.pace
        self.left = load.left
        self.share = min(1.0, load.strangers / load.left) if load.left > 0 else 0.0
        self.every = max(load.pace.pause, bridge.every, self.share * bridge.first_every)
        self.end: float | None = now if load.left <= 0 else None
        self._bridge = bridge
        self._start = max(load.start, bridge.first_at) if self.share else load.start
        self._first = load.first
        self._today = load.today
        self._day = load.pace.hours.local_date(now)

    def opens(self, moment: float, limit: _Rolling | None) -> float:
        """When it may send, from this moment on; a later moment is to be asked again."""
        opened = _next_open(self.pace, self._bridge, max(moment, self._start))
        if opened > moment:
            return opened
        self._turn_day(moment)
        if self._cap(moment) == 0:
            return self.pace.midnight(moment, 1)
        if limit is not None and self.share:
            return limit.room(moment)[1]
        return moment

    def count(self, moment: float, until: float, limit: _Rolling | None) -> int:
        """How many leave from this moment on without a pause, before `until`."""
        ends = min(_closes(self.pace, self._bridge, moment), until)
        fits = self.left if self.every == 0 else int((ends - moment - _EPSILON) // self.every) + 1
        bounds = [self.left, max(1, fits)]
        if (cap := self._cap(moment)) is not None:
            bounds.append(cap)
        if limit is not None and self.share:
            bounds.append(max(1, int(limit.room(moment)[0] / self.share + _EPSILON)))
        return min(bounds)

    def send(self, moment: float, count: int) -> float:
        """Let that many leave from this moment on; returns when the last of them does."""
        self._first = moment if self._first is None else self._first
        self.left -= count
        last = moment + (count - 1) * self.every
        if self.left == 0:
            self.end = last
        return last

    def saw(self, moment: float, count: int) -> None:
        """Messages of any campaign of the session count for this one's limit of a day."""
        self._turn_day(moment)
        self._today += count

    def _turn_day(self, moment: float) -> None:
        day = self.pace.hours.local_date(moment)
        if day != self._day:
            self._today, self._day = 0, day

    def _cap(self, moment: float) -> int | None:
        """How many may still leave on the day of a moment; None: no limit."""
        first = moment if self._first is None else self._first
        cap = self.pace.cap(self.pace.day_of(first, moment))
        return None if cap is None else max(0, cap - self._today)


def campaign_ends(loads: Sequence[CampaignLoad], bridge: BridgePace, now: float) -> list[float | None]:
    """When the last message of each campaign of a session leaves, in the order in which they send: of those that may
    send at a moment, the first one does. None: in more than ten years.
    """
    all_ones = [_Sending(load, bridge, now) for load in loads]
    limit = None if bridge.first_per_day is None else _Rolling(bridge.first_per_day)
    if limit is not None and (first_every := max((one.every / one.share for one in all_ones if one.share), default=0)):
        oldest = now - bridge.first_today * first_every if bridge.first_at <= now else bridge.first_at - DAY
        limit.note(oldest, bridge.first_today, first_every)
    moment, last = now, -math.inf
    while moment < now + LONGEST_DAYS * DAY and any(one.left for one in all_ones):
        wake, sender = math.inf, None
        for one in all_ones:
            if not one.left:
                continue
            opens = one.opens(moment, limit)
            if opens <= moment:
                sender = one
                break
            wake = min(wake, opens)  # an older one takes over then
        if sender is None:
            moment = wake
            continue
        if (due := last + sender.every) > moment:  # its pause follows also the send of another one
            moment = min(due, wake)
            continue
        count = sender.count(moment, wake, limit)
        if limit is not None:
            limit.note(moment, count * sender.share, sender.every / sender.share if sender.share else 0.0)
        for one in all_ones:
            one.saw(moment, count)
        moment = last = sender.send(moment, count)
    return [one.end for one in all_ones]


def _next_open(pace: CampaignPace, bridge: BridgePace, moment: float) -> float:
    """The first moment from this one on at which the campaign may send, unless quiet hours begin before it."""
    opened = pace.hours.next_open(moment)
    return bridge.quiet.ends(opened, bridge.zone) or opened


def _closes(pace: CampaignPace, bridge: BridgePace, moment: float) -> float:
    """When an open window closes: its end, the end of the day, or the begin of quiet hours."""
    closes = pace.hours.open_until(moment)
    quiet = bridge.quiet.begins(moment, bridge.zone)
    bounds = [pace.midnight(moment, 1), *(bound for bound in (closes, quiet) if bound is not None)]
    return min(bounds)
