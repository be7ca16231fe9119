"""Recent faults, for the status, the page and MQTT; each is also logged. Never holds the text of a message."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)
KEPT = 50


@dataclass(frozen=True, slots=True)
class Fault:
    """`at` is unix seconds; `where` names a chat (masked) or a part of the responder."""

    at: float
    code: str
    where: str
    text: str


@dataclass(slots=True)
class FaultLog:
    """The latest faults, and the count of each code. `publish` receives each fault and each recovery."""

    now: Callable[[], float]
    publish: Callable[[Fault], None]
    latest: deque[Fault] = field(default_factory=lambda: deque(maxlen=KEPT))
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, code: str, where: str, text: str) -> None:
        """Log, count, keep and publish a fault."""
        fault = Fault(self.now(), code, where, text)
        _log.error("%s: %s: %s", where, code, text)
        self.latest.append(fault)
        self.counts[code] += 1
        self.publish(fault)

    def recovered(self, code: str, where: str, text: str) -> None:
        """Log and publish that a fault noted before is over."""
        _log.warning("%s: %s: %s", where, code, text)
        self.publish(Fault(self.now(), code, where, text))

    def since(self, moment: float) -> list[Fault]:
        """The latest of each code and `where` since then, newest first."""
        found: dict[tuple[str, str], Fault] = {}
        for fault in reversed(self.latest):
            if fault.at >= moment:
                found.setdefault((fault.code, fault.where), fault)
        return list(found.values())
