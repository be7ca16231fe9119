"""The order in which one webhook's items are posted: one after another within a chat, chats beside each other. Pure.

An item waits for the last item before it that names one of its addresses, so a person whose number becomes known
between two messages keeps the order. Times are seconds of one clock that never goes back.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.contract.messages import Stream
from bridge.webhooks.limits import WebhookLimits


@dataclass(slots=True, eq=False)
class HeldItem:
    """An item that is not settled: neither delivered, nor a dead letter, nor left out.

    `attempts`: posts so far; `taken`: those of them that the receiver had, or may have had, in whole.
    """

    stream: Stream
    seq: int
    addresses: frozenset[str]
    attempts: int = 0
    taken: int = 0
    waits_for: int = 0
    followers: list[HeldItem] = field(default_factory=list)


class Lanes:
    """Items in the order of their streams; `read` is the last seq of a stream that was added or skipped."""

    def __init__(self) -> None:
        self._read: dict[Stream, int] = {}
        self._held: dict[Stream, dict[int, HeldItem]] = {}
        self._last: dict[str, HeldItem] = {}
        self._fresh: deque[HeldItem] = deque()
        self._postponed: list[tuple[float, int, HeldItem]] = []
        self._number = 0

    def begin(self, stream: Stream, position: int) -> None:
        """Every item of the stream up to `position` is settled."""
        self._read[stream], self._held[stream] = position, {}

    def skip(self, stream: Stream, seq: int) -> None:
        """The item is not for this webhook, or was delivered before."""
        self._read[stream] = seq

    def add(self, stream: Stream, seq: int, addresses: Iterable[str]) -> None:
        """Hold an item until it is settled. Items without an address share a lane."""
        item = HeldItem(stream, seq, frozenset(addresses) or frozenset({""}))
        self._read[stream], self._held[stream][seq] = seq, item
        for before in {id(last): last for last in map(self._last.get, item.addresses) if last is not None}.values():
            before.followers.append(item)
            item.waits_for += 1
        self._last.update(dict.fromkeys(item.addresses, item))
        if not item.waits_for:
            self._fresh.append(item)

    def settled(self, stream: Stream) -> int:
        """The last seq up to which every item of the stream is settled."""
        return next(iter(self._held[stream]), self._read[stream] + 1) - 1

    def ahead(self, stream: Stream) -> int:
        """How many items beyond `settled` are settled too."""
        return self._read[stream] - self.settled(stream) - len(self._held[stream])

    @property
    def held(self) -> int:
        return sum(map(len, self._held.values()))

    def take(self, now: float, *, fresh_first: bool = False) -> HeldItem | None:
        """The next item to post: a postponed one that is due, else the one that has been ready longest.

        `fresh_first`: rather one that was never posted than one that failed.
        """
        if self._postponed and self._postponed[0][0] <= now and not (fresh_first and self._fresh):
            return heapq.heappop(self._postponed)[2]
        return self._fresh.popleft() if self._fresh else None

    def due(self) -> float | None:
        """When `take` has an item: 0 for at once, None if only the end of a post brings one."""
        return 0.0 if self._fresh else self._postponed[0][0] if self._postponed else None

    def postpone(self, item: HeldItem, until: float) -> None:
        """Post it again, not before `until`. The items behind it in its chat wait."""
        self._number += 1
        heapq.heappush(self._postponed, (until, self._number, item))

    def wake(self) -> None:
        """Every postponed item is due."""
        self._postponed = [(0.0, number, item) for _, number, item in sorted(self._postponed)]

    def settle(self, item: HeldItem) -> int:
        """The item is settled; returns the new `settled` of its stream. `release` lets its chat go on."""
        del self._held[item.stream][item.seq]
        return self.settled(item.stream)

    def release(self, item: HeldItem) -> None:
        """The items behind a settled one no longer wait for it."""
        for address in item.addresses:
            if self._last.get(address) is item:
                del self._last[address]
        for follower in item.followers:
            follower.waits_for -= 1
            if not follower.waits_for:
                self._fresh.append(follower)


class LaneWidth:
    """How many posts may be in progress at once, by the time that answers take.

    Some receivers serve one request at a time. Side by side, posts to those wait for each other, and would be repeated
    after the timeout although each was taken. So there are only as many as even such a receiver answers in time.
    """

    def __init__(self, limits: WebhookLimits, timeout: float) -> None:
        self._limits = limits
        self._timeout = timeout
        self._usual: float | None = None

    def note(self, seconds: float) -> None:
        """An answer took so long, or did not come within the timeout. A slow one counts at once, quick ones slowly."""
        self._usual = seconds if self._usual is None else max(seconds, 0.8 * self._usual + 0.2 * seconds)

    @property
    def posts(self) -> int:
        """1 until the first answer."""
        if self._usual is None:
            return 1
        return max(1, min(self._limits.lanes, int(0.8 * self._timeout / max(self._usual, 0.001))))
