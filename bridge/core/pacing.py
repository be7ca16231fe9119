"""Which command is sent next, and when: the budgets, and one lane per person or group that keeps its order.

Pure: time comes in. Commands to a person under several addresses share a lane, which the caller names.

WhatsApp restricts numbers that send like machines. Within a chat the next message is sent only after the server's ack
of the one before, or after `HOLD` seconds without it; across chats the priority decides, then the order of the claims.
A chat that waits delays no other, and first messages delay no answer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from bridge.contract.lifecycle import SendState
from bridge.contract.waiting import WaitReason
from bridge.core.budgets import FirstMessages, Pacing, TokenBucket
from bridge.core.file_turns import FileTurns
from bridge.core.timetable import Timetable
from bridge.ports import Claim, OutboxRow

#: Seconds for which a message without the server's ack blocks the next one of its chat.
HOLD = 60.0
#: Seconds: a shorter wait is not reported.
SHORTEST_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class PacedWait:
    """What a queued row waits for, until about when: monotonic, or `at` in unix time; neither: time alone does not end
    it."""

    reason: WaitReason
    until: float | None = None
    at: float | None = None


@dataclass(slots=True)
class _Lane:
    """The commands to one person or group. `busy` = number of the row in flight, which blocks until `held_until`."""

    rows: list[int] = field(default_factory=list)  # heap of numbers; those no longer queued are skipped
    busy: int | None = None
    held_until: float = math.inf
    not_before: float = 0.0
    waited: bool = False
    bucket: TokenBucket | None = None
    version: int = 0  # only the heap entry with this version is valid


class Schedule:
    """Commands that wait to be sent. All times are of one monotonic clock, except those named unix."""

    def __init__(self, pacing: Pacing, is_first: Callable[[OutboxRow, str], bool] = lambda _row, _lane: False) -> None:
        """`is_first` says of a row and its lane whether it is a first message; asked when its turn can come."""
        self.pacing = pacing
        self._is_first = is_first
        self.first_messages = FirstMessages(pacing.new, pacing.per_day)
        self._first: set[int] = set()  # those first messages that wait in a lane
        self.timetable = Timetable(pacing.quiet, pacing.zone)
        self._files = FileTurns()
        # Heaps keep outdated entries until they come up: ten thousand chats are an ordinary campaign
        self._queued: dict[int, OutboxRow] = {}
        self._lanes: dict[str, _Lane] = {}
        self._lane_of: dict[int, str] = {}  # rows that are queued or in flight
        self._changed: set[str] = set()  # chats whose lanes must be sorted in again
        # Rank, number, version, chat; of the lanes whose next row is an answer, and a first message
        self._ready: tuple[list[tuple[int, int, int, str]], ...] = ([], [])
        self._timed: list[tuple[float, int, str]] = []  # when to check again, version, chat; lanes with rows
        self._idle: list[tuple[float, int, str]] = []  # the same, lanes without rows
        self._expiries: list[tuple[float, int]] = []
        self._versions = itertools.count(1)
        self._bucket = TokenBucket(pacing.session)
        self._spaced_until = 0.0
        self._blocked = self._jittered = False  # a ready row had to wait for the session; it was given jitter
        self._loaded = -1  # the last number that `load` saw

    def load(self, rows: Sequence[OutboxRow], lanes: Sequence[str] = ()) -> None:
        """Queue the accepted ones among the next open rows, at the start; `lanes` names the lane of each."""
        self._loaded = max((row.number for row in rows), default=self._loaded)
        self._lane_of |= {row.number: lane for row, lane in zip(rows, lanes, strict=False)}
        for row in rows:
            if row.state is SendState.ACCEPTED and row.number not in self._queued:
                self._queue(row)

    def add(self, row: OutboxRow, lane: str | None = None) -> None:
        """Queue a newly claimed row, unless it was loaded; those of one lane are sent in the order of their claims."""
        if row.number > self._loaded:
            self._lane_of[row.number] = lane or row.claim.to
            self._queue(row)

    def join(self, kept: str, gone: str, now: float) -> None:
        """Two lanes turn out to be one person's: the budget is the smaller one, and of two rows in flight the first
        blocks."""
        if kept == gone:
            return
        for number, lane in self._lane_of.items():
            if lane == gone:
                self._lane_of[number] = kept
        other = self._lanes.pop(gone, None)
        self._changed.discard(gone)
        if other is None:
            return
        lane_kept = self._lanes.setdefault(kept, _Lane())
        for number in other.rows:
            heappush(lane_kept.rows, number)
        if other.busy is not None and (lane_kept.busy is None or other.busy < lane_kept.busy):
            lane_kept.busy, lane_kept.held_until = other.busy, other.held_until
        lane_kept.not_before = max(lane_kept.not_before, other.not_before)
        lane_kept.waited = lane_kept.waited or other.waited
        buckets = [bucket for bucket in (lane_kept.bucket, other.bucket) if bucket]
        lane_kept.bucket = min(buckets, key=lambda bucket: bucket.tokens(now), default=None)
        self.wrote(kept)
        self._changed.add(kept)

    def wrote(self, lane: str) -> None:
        """Something is known about a person that may make first messages answers."""
        if (found := self._lanes.get(lane)) is None or not found.rows:
            return
        for number in self._first.intersection(found.rows):
            if not self._is_first(self._queued[number], lane):
                self._first.discard(number)
                self._changed.add(lane)

    def is_first(self, row: OutboxRow) -> bool:
        """Whether no other row of its lane is in flight before it."""
        return self._lane(row).busy in (None, row.number)

    def _queue(self, row: OutboxRow) -> None:
        self._queued[row.number] = row
        if not self.timetable.takes(row):
            self._enter(row)
        if row.claim.expires_at is not None:
            heappush(self._expiries, (row.claim.expires_at, row.number))
        self._files.queued(row)

    def _enter(self, row: OutboxRow) -> None:
        lane = self._lane(row)
        heappush(lane.rows, row.number)
        if self._is_first(row, self._name(row)):
            self._first.add(row.number)

    def keep_time(self, unix_now: float) -> None:
        """Let rows take their place whose time has come, and hold bulk ones while it is quiet; before `next`."""
        for row in self.timetable.begin_quiet(self._queued.values(), unix_now):
            self._first.discard(row.number)
            self._lane(row)
        for row in self.timetable.due(self._queued, unix_now):
            self._enter(row)

    def next_to_prepare(self, now: float) -> OutboxRow | None:
        """Take a row whose file is to be prepared: the next one of its lane, as long as few of them are ahead."""
        for number in self._files.rested(now):
            self._lane(self._queued[number])
        self._sort_lanes(now)
        taken = self._files.take()
        return None if taken is None else self._queued[taken]

    def is_queued(self, row: OutboxRow) -> bool:
        """Whether a row waits to be sent."""
        return row.number in self._queued

    def prepared(self, row: OutboxRow) -> None:
        """The file of a row is prepared: it can be sent. `row` replaces what is queued."""
        self._files.prepared(row.number)
        if row.number in self._queued:
            self._queued[row.number] = row
            self._lane(row)

    def prepare_later(self, row: OutboxRow, at: float) -> None:
        """A row's file could not be prepared yet: until the next try it takes no place of others."""
        self._files.tried(row.number)
        if row.number in self._queued:
            self._files.rest(row.number, at)

    def next_try(self) -> float | None:
        """When the file of a row is tried again."""
        return self._files.next_try()

    def drop(self, row: OutboxRow) -> None:
        """Remove a queued row that is not sent."""
        if self._queued.pop(row.number, None) is not None:
            self._lane(row)
        self._first.discard(row.number)
        self.timetable.discard(row.number)
        self._files.forget(row.number)
        self._lane_of.pop(row.number, None)

    def budget(self, now: float) -> int | None:
        """Sends that could go out at once; None without pacing."""
        tokens = self._bucket.tokens(now)
        return None if math.isinf(tokens) else math.floor(tokens)

    def ready_at(self, now: float) -> float:
        """When the next answer may leave; `now`: at once."""
        return self._bucket.ready_at(now)

    def wait_of_next(
        self, claim: Claim, lane_name: str, now: float, unix_now: float, *, first: bool = False
    ) -> PacedWait | None:
        """What a command that is claimed now for this lane will wait for; None when it can be sent at once."""
        if (later := self.timetable.wait_of(claim, unix_now)) is not None:
            return PacedWait(later[1], at=later[0])
        lane = self._lanes.get(lane_name)
        ahead = len(self._queued) - len(self.timetable.numbers)
        return self._wait(lane_name, len(lane.rows) if lane else 0, ahead, now, len(self._first) if first else None)

    def waits(self, rows: Iterable[OutboxRow], now: float) -> dict[int, PacedWait]:
        """What those of these rows that are queued wait for, by number. Reads the whole queue once."""
        asked = {row.number for row in rows} & self._queued.keys()
        if not asked:
            return {}
        lengths: dict[str, int] = {}
        in_chat: dict[int, int] = {}  # rows of its chat before it
        for number in sorted(self._queued.keys() - self.timetable.numbers):
            chat = self._name(self._queued[number])
            in_chat[number] = lengths.get(chat, 0)
            lengths[chat] = in_chat[number] + 1
        found: dict[int, PacedWait] = {}
        order = sorted(in_chat, key=lambda number: (self._queued[number].claim.priority.rank, number))
        first_ahead = 0
        for position, number in enumerate(order):
            first = first_ahead if number in self._first else None
            first_ahead += first is not None
            if number not in asked:
                continue
            if (at := self._files.next_try(number)) is not None:
                found[number] = PacedWait(WaitReason.FILE, at)
            else:
                wait = self._wait(self._name(self._queued[number]), in_chat[number], position, now, first)
                found |= {} if wait is None else {number: wait}
        for number in asked.difference(order):
            due, reason = self.timetable.wait(number)
            found[number] = PacedWait(reason, at=due)
        return found

    def _wait(self, chat: str, ahead_in_chat: int, ahead: int, now: float, first_ahead: int | None) -> PacedWait | None:
        """The longest wait of a row behind `ahead_in_chat` rows of its chat and `ahead` rows in all; a first message
        has `first_ahead` others before it."""
        lane = self._lanes.get(chat) or _Lane()
        bucket = lane.bucket or TokenBucket(self.pacing.chat)
        spaced = max(self._spaced_until, now) + self.pacing.spacing * ahead
        at, reason = max(
            (bucket.ready_at(now, ahead_in_chat + 1), WaitReason.CHAT_PACE),
            (max(self._bucket.ready_at(now, ahead + 1), spaced), WaitReason.SESSION_PACE),
            (lane.not_before, WaitReason.RETRY),
            *(() if first_ahead is None else (self.first_messages.wait(now, first_ahead),)),
        )
        if at >= now + SHORTEST_WAIT:
            return PacedWait(reason, at)
        if lane.busy is not None or ahead_in_chat:
            return PacedWait(WaitReason.EARLIER_MESSAGE)
        return None

    def next(self, now: float, jitter: float = 0.0) -> OutboxRow | float | None:
        """Take the row to send now; else return when to ask again, or None when no row waits only for time.

        `jitter` in 0..1 is drawn by the caller. The row blocks its chat until it is held, released or put back.
        """
        self._sort_lanes(now)
        answers, firsts = self._ready
        self._drop_stale(answers)
        self._drop_stale(firsts)
        at = max(self._bucket.ready_at(now), self._spaced_until)
        if at > now and (answers or firsts):
            self._blocked = True
            return at
        first_at = self.first_messages.ready_at(now) if firsts else math.inf
        ready = [heap[0] for heap in (answers, firsts if first_at <= now else []) if heap]
        if not ready:
            self._drop_stale(self._timed)
            again = min(first_at, self._timed[0][0] if self._timed else math.inf)
            return None if math.isinf(again) else again
        lane = self._lanes[min(ready)[-1]]
        if (self._blocked or lane.waited) and not self._jittered and jitter * self.pacing.jitter > 0:
            self._jittered = True
            self._spaced_until = now + jitter * self.pacing.jitter
            return self._spaced_until
        return self._take(lane, now, jitter)

    def is_first_message(self, row: OutboxRow) -> bool:
        """Whether a row in flight has taken its share of the first messages."""
        return self.first_messages.has(row.number)

    def hold(self, row: OutboxRow, until: float) -> None:
        """Block the chat until `until` while this row is in flight."""
        lane = self._lane(row)
        if lane.busy in (None, row.number):
            lane.busy, lane.held_until = row.number, until

    def release(self, row: OutboxRow) -> None:
        """Unblock the lane of a row that is settled."""
        self.first_messages.settle(row.number)
        self._free(row)
        self._files.forget(row.number)
        self._lane_of.pop(row.number, None)

    def put_back(self, row: OutboxRow, now: float, *, not_before: float) -> None:
        """Queue a row again of which nothing was sent: first in its chat, and its tokens are returned."""
        self.first_messages.give_back(row.number, now)
        self._queue(row)
        self._free(row)
        lane = self._lane(row)
        lane.not_before = not_before
        for bucket in filter(None, (self._bucket, lane.bucket)):
            bucket.take(now, -1)

    def expired(self, unix_now: float) -> list[OutboxRow]:
        """Remove and return the expired rows."""
        gone = []
        while (expiry := self.next_expiry()) is not None and expiry <= unix_now:
            _, number = heappop(self._expiries)
            row = self._queued[number]
            self.drop(row)
            gone.append(row)
        return gone

    def next_expiry(self) -> float | None:
        """Unix time when the next row expires."""
        while self._expiries and self._expiries[0][1] not in self._queued:
            heappop(self._expiries)
        return self._expiries[0][0] if self._expiries else None

    def _free(self, row: OutboxRow) -> None:
        lane = self._lane(row)
        if lane.busy == row.number:
            lane.busy, lane.held_until, lane.not_before = None, math.inf, 0.0

    def _lane(self, row: OutboxRow) -> _Lane:
        name = self._name(row)
        self._changed.add(name)
        return self._lanes.setdefault(name, _Lane())

    def _name(self, row: OutboxRow) -> str:
        return self._lane_of.get(row.number, row.claim.to)

    def _sort_lanes(self, now: float) -> None:
        for heap in (self._timed, self._idle):
            while heap and heap[0][0] <= now:
                _, version, chat = heappop(heap)
                if self._is_valid(chat, version):
                    self._changed.add(chat)
        for chat in self._changed:
            self._sort(chat, now)
        self._changed.clear()

    def _sort(self, chat: str, now: float) -> None:
        """Put a lane among the ready ones or those to check later, or drop it."""
        lane = self._lanes[chat]
        lane.version = next(self._versions)
        while lane.rows and (lane.rows[0] not in self._queued or lane.rows[0] in self.timetable.numbers):
            heappop(lane.rows)
        if lane.busy is not None and now >= lane.held_until:
            lane.busy = None
        bucket = lane.bucket
        if lane.busy is not None:
            at = lane.held_until
        elif lane.rows and lane.rows[0] in self._files:
            at = math.inf
            self._files.is_first(self._queued[lane.rows[0]].claim.priority.rank, lane.rows[0])
        elif lane.rows:
            at = max(lane.not_before, bucket.ready_at(now) if bucket else now)
        else:
            at = bucket.full_at(now) if bucket else now
        if at > now:
            lane.waited = lane.waited or bool(lane.rows)
            if at < math.inf:
                heappush(self._timed if lane.rows else self._idle, (at, lane.version, chat))
        elif lane.rows:
            rank = self._queued[lane.rows[0]].claim.priority.rank
            heappush(self._ready[lane.rows[0] in self._first], (rank, lane.rows[0], lane.version, chat))
        else:  # otherwise a lane would stay for every number ever written to
            del self._lanes[chat]

    def _drop_stale(self, heap: list[Any]) -> None:
        while heap and not self._is_valid(heap[0][-1], heap[0][-2]):
            heappop(heap)

    def _is_valid(self, chat: str, version: int) -> bool:
        lane = self._lanes.get(chat)
        return lane is not None and lane.version == version

    def _take(self, lane: _Lane, now: float, drawn: float) -> OutboxRow:
        row = self._queued.pop(heappop(lane.rows))
        self._lane(row)
        if row.number in self._first:
            self._first.discard(row.number)
            self.first_messages.take(row.number, now, drawn)
        lane.bucket = lane.bucket or TokenBucket(self.pacing.chat)
        lane.bucket.take(now)
        self._bucket.take(now)
        self._spaced_until = now + self.pacing.spacing
        self._blocked = self._jittered = lane.waited = False
        lane.busy, lane.held_until = row.number, math.inf
        return row
