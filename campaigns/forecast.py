"""When a campaign will end: by its own pace and by the bridge's, whichever is slower. Pure; moments are unix seconds.

First messages and answers are taken as evenly mixed, and the bridge as having nothing else to send.
"""

from __future__ import annotations

import math
from collections import deque
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


class _Rolling:
    """A limit of sends in any 24 hours. Sends are kept as runs with the same time between two."""

    def __init__(self, most: int, every: float) -> None:
        self._most = most
        self._every = every
        self._runs: deque[tuple[float, int]] = deque()  # when the first one left, and how many

    def note(self, at: float, count: int) -> None:
        """That many leave from this moment on."""
        if count > 0:
            self._runs.append((at, count))

    def room(self, moment: float) -> tuple[int, float]:
        """How many may leave from this moment on without a pause; if none, when it is to be asked again."""
        while self._runs and self._left(moment) == 0:
            self._runs.popleft()
        used = sum(count for _, count in self._runs)
        if not self._runs:
            return self._most, moment
        start, count = self._runs[0]
        left = self._left(moment)
        free = self._most - used + count - left
        if free > 0 and left < count:  # its places become free at the time that the next ones take
            return free + left, moment
        return (free, moment) if free > 0 else (0, start + DAY)

    def _left(self, moment: float) -> int:
        """How many of the oldest run are less than a day old."""
        start, count = self._runs[0]
        if moment < start + DAY:
            return count
        return 0 if self._every == 0 else max(0, count - 1 - int((moment - DAY - start) / self._every + _EPSILON))


def campaign_end(
    pace: CampaignPace,
    bridge: BridgePace,
    now: float,
    left: int,
    strangers: int,
    *,
    first: float | None = None,
    today: int = 0,
) -> float | None:
    """When the last of `left` sends leaves, of which `strangers` are first messages; None if in more than ten years.

    `first`: moment of the campaign's first send; `today`: its sends of the day of `now`.
    """
    if left <= 0:
        return now
    share = min(1.0, strangers / left)
    every = max(pace.pause, bridge.every, share * bridge.first_every)
    rolling: _Rolling | None = None
    moment = now
    if share > 0:
        moment = max(moment, bridge.first_at)
        if bridge.first_per_day is not None:
            rolling = _Rolling(max(1, int(bridge.first_per_day / share)), every)
            sent = math.ceil(bridge.first_today / share)
            oldest = now - sent * every if bridge.first_at <= now else bridge.first_at - DAY
            rolling.note(oldest, sent)
    begun, day = first, pace.hours.local_date(now)
    while moment < now + LONGEST_DAYS * DAY:
        opened = _next_open(pace, bridge, moment)
        if opened > moment:
            moment = opened
            continue
        if pace.hours.local_date(moment) != day:
            today, day = 0, pace.hours.local_date(moment)
        begun = moment if begun is None else begun
        cap = pace.cap(pace.day_of(begun, moment))
        if cap is not None and today >= cap:
            moment = pace.midnight(moment, 1)
            continue
        room, again = (left, moment) if rolling is None else rolling.room(moment)
        if room == 0:
            moment = again
            continue
        ends = _closes(pace, bridge, moment)
        fits = left if every == 0 else int((ends - moment - _EPSILON) // every) + 1
        sends = min(left, room, fits, left if cap is None else cap - today)
        if sends == left:
            return moment + (left - 1) * every
        if rolling is not None:
            rolling.note(moment, sends)
        left, today = left - sends, today + sends
        moment += sends * every
    return None


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
