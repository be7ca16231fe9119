"""Tells on MQTT what went wrong, and what is right again: one of a kind a minute at most, with how often it was.

While the broker is away the newest of each kind waits; nothing of it outlives the process.
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

_log = logging.getLogger(__name__)
#: Seconds between two of a kind, and before another try while the broker is away.
SPACING, AWAY = 60.0, 2.0
#: What one of a pair makes untrue of the other: a held "down" must not be told after an "up".
_OPPOSITES = {"database_down": "database_up", "model_resting": "model_back", "rules_broken": "rules_mended"}
_OPPOSITE_OF = {**_OPPOSITES, **{back: gone for gone, back in _OPPOSITES.items()}}


@dataclass(slots=True)
class _Kind:
    count: int = 0
    newest: Fault | None = None
    told_at: float = -math.inf


class UnpublishedFaults:
    """What is still to be told. Pure: moments are seconds of any monotonic clock."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def note(self, fault: Fault) -> None:
        kind = self._kinds.setdefault(fault.code, _Kind())
        kind.count += 1
        kind.newest = fault
        if opposite := self._kinds.get(_OPPOSITE_OF.get(fault.code, "")):
            opposite.newest = None

    def due(self, now: float) -> list[tuple[Fault, int]]:
        """What may be told now, oldest first, each with how often it was."""
        ready = [
            (kind.newest, kind.count)
            for kind in self._kinds.values()
            if kind.newest is not None and now >= kind.told_at + SPACING
        ]
        return sorted(ready, key=lambda one: one[0].at)

    def told(self, fault: Fault, count: int, now: float) -> None:
        """It was; what came meanwhile stays."""
        kind = self._kinds[fault.code]
        kind.count -= count
        kind.told_at = now
        if kind.newest is fault:
            kind.newest = None

    def next_due(self) -> float | None:
        """When the next may be told; None while there is none."""
        return min((kind.told_at + SPACING for kind in self._kinds.values() if kind.newest is not None), default=None)


class FaultPublisher:
    """`note` from the start; `run` as long as there is a client."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._untold = UnpublishedFaults()
        self._news = asyncio.Event()

    def note(self, fault: Fault) -> None:
        """See that it is told."""
        self._untold.note(fault)
        self._news.set()

    async def run(self, client: Client) -> None:
        clock: Callable[[], float] = asyncio.get_running_loop().time
        while True:
            self._news.clear()
            try:
                for fault, count in self._untold.due(clock()):
                    await client.publish_responder_event(self._event(fault, count))
                    self._untold.told(fault, count, clock())
            except BrokerRefused as error:  # an ACL from before; all of it is in the log in any case
                _log.warning("What goes wrong cannot be told on MQTT: %s See `wa broker check`.", error.text)
                return
            except BrokerDown as error:
                _log.debug("Not told yet: %s", error.text)
                await asyncio.sleep(AWAY)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._untold.next_due()):
                    await self._news.wait()

    def _event(self, fault: Fault, count: int) -> ResponderEvent:
        return ResponderEvent(
            instance=self._instance,
            kind=fault.code,
            where=fault.where,
            text=fault.text,
            count=count,
            at=instant(fault.at),
        )
