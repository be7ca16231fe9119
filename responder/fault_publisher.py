"""Publishes faults and recoveries on MQTT: at most one event a minute of each kind, with the number of occurrences.

While the broker is down the latest of each kind is kept, in memory only.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from bridge.client import BrokerDown, BrokerRefused, Client
from bridge.contract.bot import ResponderEvent
from bridge.contract.payload import instant
from responder.faults import Fault
from responder.timing import FaultTiming

_log = logging.getLogger(__name__)
#: An event makes its opposite obsolete: a "down" that was held back must not be published after an "up".
_OPPOSITES = {
    "database_down": "database_up",
    "model_resting": "model_back",
    "transcript_resting": "transcript_back",
    "rules_broken": "rules_mended",
    "clock_differs": "clock_agrees",
}
_OPPOSITE_OF = {**_OPPOSITES, **{recovery: fault for fault, recovery in _OPPOSITES.items()}}


@dataclass(slots=True)
class _Kind:
    count: int = 0
    latest: Fault | None = None
    published_at: float = -math.inf


class UnpublishedFaults:
    """The faults that wait to be published. Pure: moments are seconds of any monotonic clock, as is `spacing`."""

    def __init__(self, spacing: float) -> None:
        self._spacing = spacing
        self._kinds: dict[str, _Kind] = {}

    def note(self, fault: Fault) -> None:
        kind = self._kinds.setdefault(fault.code, _Kind())
        kind.count += 1
        kind.latest = fault
        if opposite := self._kinds.get(_OPPOSITE_OF.get(fault.code, "")):
            opposite.latest = None

    def due(self, now: float) -> list[tuple[Fault, int]]:
        """What may be published now, oldest first, each with its number of occurrences."""
        ready = [
            (kind.latest, kind.count)
            for kind in self._kinds.values()
            if kind.latest is not None and now >= kind.published_at + self._spacing
        ]
        return sorted(ready, key=lambda one: one[0].at)

    def published(self, fault: Fault, count: int, now: float) -> None:
        """Remove what was published; faults noted meanwhile stay."""
        kind = self._kinds[fault.code]
        kind.count -= count
        kind.published_at = now
        if kind.latest is fault:
            kind.latest = None

    def next_due(self) -> float | None:
        """When the next may be published; None while there is none."""
        waiting = (kind.published_at + self._spacing for kind in self._kinds.values() if kind.latest is not None)
        return min(waiting, default=None)


class FaultPublisher:
    """`note` may be called at any time; `run` publishes while there is a client."""

    def __init__(self, instance: str, timing: FaultTiming) -> None:
        self._instance = instance
        self._timing = timing
        self._unpublished = UnpublishedFaults(timing.spacing)
        self._noted = asyncio.Event()

    def note(self, fault: Fault) -> None:
        self._unpublished.note(fault)
        self._noted.set()

    async def run(self, client: Client) -> None:
        clock: Callable[[], float] = asyncio.get_running_loop().time
        while True:
            self._noted.clear()
            try:
                for fault, count in self._unpublished.due(clock()):
                    await client.publish_responder_event(self._event(fault, count))
                    self._unpublished.published(fault, count, clock())
            except BrokerRefused as error:  # an ACL of an earlier version; the faults are in the log in any case
                _log.warning("Faults cannot be published on MQTT: %s See `wa broker check`.", error.text)
                return
            except BrokerDown as error:
                _log.debug("Faults are not published yet: %s", error.text)
                await asyncio.sleep(self._timing.retry)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._unpublished.next_due()):
                    await self._noted.wait()

    def _event(self, fault: Fault, count: int) -> ResponderEvent:
        return ResponderEvent(
            instance=self._instance,
            kind=fault.code,
            where=fault.where,
            text=fault.text,
            count=count,
            at=instant(fault.at),
        )
