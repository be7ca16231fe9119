"""Who may send next, and when: token buckets, and lanes that keep the order within a chat. Pure: time comes in.

WhatsApp restricts numbers that send like machines. A session and each chat have a bucket; within a chat the next
message leaves only after the server has the one before, or after `HOLD` seconds of waiting for that; across chats
the priority decides and then the order of the claims. A chat that waits holds up no other.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from .contract.errors import InvalidRequest
from .ports import OutboxRow

#: Seconds that a message without the server's ack holds up the next one of its own chat.
HOLD = 60.0
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_RATE = re.compile(r"(\d{1,6})\s*/\s*(second|minute|hour|day)")


@dataclass(frozen=True, slots=True)
class Pace:
    """`rate` sends a second, `burst` at once after a pause. An infinite rate means no pacing."""

    rate: float
    burst: int

    @classmethod
    def parse(cls, text: str, *, burst: int) -> Self:
        """Parse `20/minute` or `off`. Raises `InvalidRequest`."""
        if text.strip().lower() == "off":
            return cls(math.inf, burst)
        match = _RATE.fullmatch(text.strip().lower())
        if match is None or int(match[1]) == 0:
            raise InvalidRequest(f"{text!r} is not a pace: write for example 20/minute, 5/second, or off.")
        return cls(int(match[1]) / _SECONDS[match[2]], burst)

    @property
    def is_off(self) -> bool:
        """Whether nothing is paced."""
        return math.isinf(self.rate)


@dataclass(frozen=True, slots=True)
class Pacing:
    """The paces of a session. `spacing` and `jitter` are seconds; jitter is added only to a send that had to wait."""

    session: Pace
    chat: Pace
    spacing: float = 0.0
    jitter: float = 0.0


class Bucket:
    """A token bucket, full at first."""

    __slots__ = ("_filled_at", "_pace", "_tokens")

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._tokens = float(pace.burst)
        self._filled_at = now

    def tokens(self, now: float) -> float:
        """Tokens at `now`; infinite without pacing."""
        if self._pace.is_off:
            return math.inf
        return min(float(self._pace.burst), self._tokens + max(0.0, now - self._filled_at) * self._pace.rate)

    def ready_at(self, now: float) -> float:
        """When one token is there."""
        tokens = self.tokens(now)
        return now if tokens >= 1 else now + (1 - tokens) / self._pace.rate

    def take(self, now: float) -> None:
        """Take a token; the caller has seen that there is one."""
        self._tokens, self._filled_at = self.tokens(now) - 1, now

    def is_full(self, now: float) -> bool:
        """Whether nothing would be lost by forgetting this bucket."""
        return self.tokens(now) >= self._pace.burst


@dataclass(slots=True)
class _Lane:
    """The commands of one chat, oldest first. `busy` = number of the row under way; `held_until` = for how long."""

    rows: deque[OutboxRow] = field(default_factory=deque)
    busy: int | None = None
    held_until: float = math.inf
    not_before: float = 0.0
    bucket: Bucket | None = None


class Schedule:
    """What waits to be sent. All times are of one monotonic clock, but `expires_at`, which is unix time."""

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        self._lanes: dict[str, _Lane] = {}
        self._bucket: Bucket | None = None
        self._spaced_until = 0.0
        self._waited = False

    def __len__(self) -> int:
        return sum(len(lane.rows) for lane in self._lanes.values())

    def __iter__(self) -> Iterator[OutboxRow]:
        for lane in self._lanes.values():
            yield from lane.rows

    def add(self, row: OutboxRow) -> None:
        """Queue a row; rows of one chat are kept in the order of their claims."""
        rows = self._lanes.setdefault(row.claim.to, _Lane()).rows
        if rows and rows[-1].number > row.number:
            # only a row that comes back after a failed try is not the newest
            ordered = sorted((*rows, row), key=lambda queued: queued.number)
            rows.clear()
            rows.extend(ordered)
        else:
            rows.append(row)

    def budget(self, now: float) -> int | None:
        """Sends that could leave at once; None without pacing."""
        tokens = self._session_bucket(now).tokens(now)
        return None if math.isinf(tokens) else math.floor(tokens)

    def next(self, now: float, jitter: float = 0.0) -> OutboxRow | float | None:
        """Take the row to send now, or tell when to ask again, or None when nothing waits for time alone.

        `jitter` in 0..1 is drawn by the caller. A row that was given out keeps its lane until `release` or `HOLD`.
        """
        self._forget_idle(now)
        ready: tuple[int, int, str] | None = None
        later = math.inf
        for name, lane in self._lanes.items():
            if lane.busy is not None and now >= lane.held_until:
                lane.busy = None
            if not lane.rows:
                continue
            if lane.busy is not None:
                later = min(later, lane.held_until)
                continue
            at = max(lane.not_before, self._chat_bucket(lane, now).ready_at(now))
            if at > now:
                later = min(later, at)
                continue
            head = lane.rows[0]
            candidate = (head.claim.priority.rank, head.number, name)
            ready = min(ready, candidate) if ready else candidate
        if ready is None:
            return None if math.isinf(later) else self._wait(later)
        at = max(self._session_bucket(now).ready_at(now), self._spaced_until)
        if at > now:
            return self._wait(at)
        if self._waited and jitter and self._pacing.jitter:
            self._spaced_until = now + jitter * self._pacing.jitter
            self._waited = False
            return self._spaced_until
        return self._give(self._lanes[ready[2]], now)

    def hold(self, row: OutboxRow, until: float) -> None:
        """Say for how long a row under way may hold up its chat."""
        lane = self._lanes.setdefault(row.claim.to, _Lane())
        if lane.busy in (None, row.number):
            lane.busy, lane.held_until = row.number, until

    def release(self, row: OutboxRow, *, not_before: float = 0.0) -> None:
        """The row is done with, or goes back: its chat is free again, from `not_before` on."""
        lane = self._lanes.get(row.claim.to)
        if lane is not None and lane.busy == row.number:
            lane.busy, lane.held_until = None, math.inf
            lane.not_before = not_before

    def expired(self, unix_now: float) -> list[OutboxRow]:
        """Take out the rows whose time is over."""
        gone = [row for row in self if row.claim.expires_at is not None and row.claim.expires_at <= unix_now]
        for row in gone:
            self._lanes[row.claim.to].rows.remove(row)
        return gone

    def next_expiry(self) -> float | None:
        """Unix time when the next row expires."""
        return min((row.claim.expires_at for row in self if row.claim.expires_at is not None), default=None)

    def _wait(self, at: float) -> float:
        self._waited = True
        return at

    def _give(self, lane: _Lane, now: float) -> OutboxRow:
        self._session_bucket(now).take(now)
        self._chat_bucket(lane, now).take(now)
        self._spaced_until = now + self._pacing.spacing
        self._waited = False
        row = lane.rows.popleft()
        lane.busy, lane.held_until = row.number, math.inf
        return row

    def _session_bucket(self, now: float) -> Bucket:
        if self._bucket is None:
            self._bucket = Bucket(self._pacing.session, now)
        return self._bucket

    def _chat_bucket(self, lane: _Lane, now: float) -> Bucket:
        if lane.bucket is None:
            lane.bucket = Bucket(self._pacing.chat, now)
        return lane.bucket

    def _forget_idle(self, now: float) -> None:
        """Lanes of chats with nothing to do would grow with every number ever written to."""
        idle = [
            name
            for name, lane in self._lanes.items()
            if not lane.rows and lane.busy is None and (lane.bucket is None or lane.bucket.is_full(now))
        ]
        for name in idle:
            del self._lanes[name]
