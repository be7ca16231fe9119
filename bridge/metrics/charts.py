"""The last day in minutes, for the charts of the panel: counted in memory, stored once a minute.

A process that is killed loses what it had not stored yet, at most a minute's counts.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.ports import (
    ChartRepository,
    ChartRow,
    Clock,
    CommandAdvanced,
    Event,
    Journalled,
    Posted,
    PostOutcome,
    Step,
    StoreUnusable,
    durations,
)

_log = logging.getLogger(__name__)
MINUTE = 60
#: Minutes that are kept.
KEPT = 24 * 60


class ChartSpan(StrEnum):
    HOUR = "hour"
    DAY = "day"

    @property
    def shape(self) -> tuple[int, int]:
        """Number of buckets, and minutes in each."""
        return (60, 1) if self is ChartSpan.HOUR else (96, 15)


@dataclass(slots=True)
class Minute:
    """Counts of one minute, or of several added up. `times`: the sum of a step's seconds, and how many were summed."""

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
        """Read what `to_json` wrote. Raises ValueError, TypeError, KeyError or AttributeError for anything else."""
        fields = json.loads(counts)
        fields["times"] = {Step(step): (float(total), int(count)) for step, (total, count) in fields["times"].items()}
        return cls(**fields)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def mean(self, step: Step) -> float | None:
        """Mean seconds of a step; None without one."""
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
            total_before, count_before = self.times.get(step, (0.0, 0))
            self.times[step] = total_before + total, count_before + count


class ChartRecorder:
    def __init__(self, clock: Clock, repository: ChartRepository, *, store_every: float = 60.0) -> None:
        """`store_every`: seconds between two writes of changed minutes."""
        self._clock = clock
        self._repository = repository
        self._store_every = store_every
        self._minutes: defaultdict[str, dict[int, Minute]] = defaultdict(dict)
        self._changed: set[tuple[str, int]] = set()

    async def load(self) -> None:
        """Read the last day. Minutes that cannot be read are left out: charts must not prevent a start."""
        now = int(self._clock.now()) // MINUTE
        try:
            rows = await self._repository.minutes(now - KEPT)
        except StoreUnusable as error:
            _log.warning("The charts cannot be read and start empty: %s", error)
            return
        for session, number, counts in rows:
            try:
                if number <= now:
                    self._minutes[session][number] = Minute.parse(counts)
            except (ValueError, TypeError, KeyError, AttributeError):
                _log.warning("%s: minute %d of the charts cannot be read.", session, number)

    async def run(self) -> None:
        """Store changed minutes periodically, until cancelled."""
        while True:
            await asyncio.sleep(self._store_every)
            await self.store()

    async def store(self) -> None:
        """Store the minutes that changed; a failed write is repeated with the next one."""
        changed, self._changed = self._changed, set()
        rows = [
            ChartRow(session, number, self._minutes[session][number].to_json())
            for session, number in sorted(changed)
            if number in self._minutes[session]
        ]
        if not rows:
            return
        try:
            await self._repository.keep_minutes(rows, int(self._clock.now()) // MINUTE - KEPT)
        except StoreUnusable as error:
            self._changed |= changed
            _log.warning("The charts' last minutes could not be stored and are stored later: %s", error)

    def observe(self, session: str, event: Event) -> None:
        """Count messages, results and posts; other events of the journal are not charted."""
        minute = self._now(session)
        for step, seconds in durations(event):
            total, count = minute.times.get(step, (0.0, 0))
            minute.times[step] = total + seconds, count + 1
        match event:
            case Journalled(Stream.IN):
                minute.received += 1
            case CommandAdvanced(SendState.SENT):
                minute.sent += 1
            case CommandAdvanced(SendState.DEVICE):
                minute.delivered += 1
            case CommandAdvanced(SendState.READ):
                minute.read += 1
            case CommandAdvanced(SendState.FAILED | SendState.UNKNOWN):
                minute.failed += 1
            case Posted(PostOutcome.DELIVERED):
                minute.webhooks_delivered += 1
            case Posted():
                minute.webhooks_failed += 1
            case _:
                pass

    def over(self, session: str, span: ChartSpan) -> list[tuple[float, Minute]]:
        """Buckets of a span, oldest first, each with the unix second of its start; the last is the current one."""
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
