"""The last day in minutes, for the charts of the panel. Counted in memory, and kept in a book once a minute.

What a process that is killed had not yet kept, a minute's counts at most, is lost: charts are no record.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from typing_extensions import override

from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.contract.topics import Leaf
from bridge.ports import ChartRepository, ChartRow, Clock, Metrics, PostOutcome, Step, StoreUnusable

_log = logging.getLogger(__name__)
MINUTE = 60
#: Seconds between two looks at what is to be kept.
KEEPS_EVERY = 60.0
#: Minutes that are kept.
KEPT = 24 * 60


class ChartSpan(StrEnum):
    """What a chart shows."""

    HOUR = "hour"
    DAY = "day"

    @property
    def shape(self) -> tuple[int, int]:
        """How many buckets, and the minutes in each."""
        return (60, 1) if self is ChartSpan.HOUR else (96, 15)


@dataclass(slots=True)
class Minute:
    """Counts of one minute, or of several added up. Times are sums of seconds with how many were summed."""

    received: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    webhooks_delivered: int = 0
    webhooks_failed: int = 0
    times: dict[Step, tuple[float, int]] = field(default_factory=dict)

    @classmethod
    def parse(cls, counts: str) -> Minute:
        """From `to_json`. Raises ValueError, TypeError for what is none."""
        fields = json.loads(counts)
        fields["times"] = {Step(step): (float(total), int(count)) for step, (total, count) in fields["times"].items()}
        return cls(**fields)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def mean(self, step: Step) -> float | None:
        """Mean seconds of a step; None where none was taken."""
        total, count = self.times.get(step, (0.0, 0))
        return total / count if count else None

    def add(self, other: Minute) -> None:
        self.received += other.received
        self.sent += other.sent
        self.delivered += other.delivered
        self.read += other.read
        self.failed += other.failed
        self.webhooks_delivered += other.webhooks_delivered
        self.webhooks_failed += other.webhooks_failed
        for step, (total, count) in other.times.items():
            before, many = self.times.get(step, (0.0, 0))
            self.times[step] = before + total, many + count


class ChartRecorder(Metrics):
    def __init__(self, clock: Clock, book: ChartRepository) -> None:
        self._clock = clock
        self._book = book
        self._minutes: defaultdict[str, dict[int, Minute]] = defaultdict(dict)
        self._changed: set[tuple[str, int]] = set()

    async def load(self) -> None:
        """Take up the last day. What cannot be read is left out: a chart is not worth a start."""
        now = int(self._clock.now()) // MINUTE
        try:
            rows = await self._book.minutes(now - KEPT)
        except StoreUnusable as error:
            _log.warning("The charts begin anew: %s", error)
            return
        for session, number, counts in rows:
            try:
                if number <= now:
                    self._minutes[session][number] = Minute.parse(counts)
            except (ValueError, TypeError, KeyError, AttributeError):
                _log.warning("%s: minute %d of the charts cannot be read.", session, number)

    async def run(self) -> None:
        """Keep what is counted, until cancelled."""
        while True:
            await asyncio.sleep(KEEPS_EVERY)
            await self.keep()

    async def keep(self) -> None:
        """Keep the minutes that changed; those that could not be are kept the next time."""
        changed, self._changed = self._changed, set()
        rows = [
            ChartRow(session, number, self._minutes[session][number].to_json())
            for session, number in sorted(changed)
            if number in self._minutes[session]
        ]
        if not rows:
            return
        try:
            await self._book.keep_minutes(rows, int(self._clock.now()) // MINUTE - KEPT)
        except StoreUnusable as error:
            self._changed |= changed
            _log.warning("The charts' last minutes are not stored: %s", error)

    @override
    def received(self, session: str, stream: Stream, kind: str, count: int = 1) -> None:
        """Counts messages; events are not charted."""
        if stream is Stream.IN:
            self._now(session).received += count

    @override
    def repeated(self, session: str, count: int) -> None: ...

    @override
    def published(self, session: str, stream: Stream, count: int) -> None:
        """Not charted: it follows what was received."""

    @override
    def reached(self, session: str, state: SendState, code: str | None = None) -> None:
        """Counts what became of sends."""
        minute = self._now(session)
        match state:
            case SendState.SENT:
                minute.sent += 1
            case SendState.DEVICE:
                minute.delivered += 1
            case SendState.READ:
                minute.read += 1
            case SendState.FAILED | SendState.UNKNOWN:
                minute.failed += 1
            case _:
                pass

    @override
    def posted(self, session: str, outcome: PostOutcome) -> None:
        """Counts posts to listeners."""
        minute = self._now(session)
        if outcome is PostOutcome.DELIVERED:
            minute.webhooks_delivered += 1
        else:
            minute.webhooks_failed += 1

    @override
    def empty(self, session: str, leaf: Leaf) -> None: ...

    @override
    def took(self, session: str, step: Step, seconds: float) -> None:
        minute = self._now(session)
        total, count = minute.times.get(step, (0.0, 0))
        minute.times[step] = total + seconds, count + 1

    def over(self, session: str, span: ChartSpan) -> list[tuple[float, Minute]]:
        """Buckets of a span, oldest first, each with the unix second at which it begins; the last one is now's."""
        count, width = span.shape
        kept = self._minutes.get(session, {})
        last = int(self._clock.now()) // (MINUTE * width)
        buckets = []
        for number in range(last - count + 1, last + 1):
            bucket = Minute()
            for minute in range(number * width, (number + 1) * width):
                if minute in kept:
                    bucket.add(kept[minute])
            buckets.append((float(number * width * MINUTE), bucket))
        return buckets

    def _now(self, session: str) -> Minute:
        kept, number = self._minutes[session], int(self._clock.now()) // MINUTE
        if number not in kept:
            kept[number] = Minute()
            for old in [one for one in kept if one <= number - KEPT]:
                del kept[old]
        self._changed.add((session, number))
        return kept[number]
