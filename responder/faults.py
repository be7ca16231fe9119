"""What went wrong lately, for the status and the page: each also goes to the log. Never holds what was written."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)
KEPT = 50


@dataclass(frozen=True, slots=True)
class Fault:
    """One error event. `at` is unix seconds; `where` names a chat (masked) or a part of the responder."""

    at: float
    code: str
    where: str
    text: str


@dataclass(slots=True)
class FaultLog:
    """The newest ones, and how many of each kind there were. `told` hears each, and also what is right again."""

    now: Callable[[], float]
    told: Callable[[Fault], None]
    latest: deque[Fault] = field(default_factory=lambda: deque(maxlen=KEPT))
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, code: str, where: str, text: str) -> None:
        """Log, count, keep, tell."""
        fault = Fault(self.now(), code, where, text)
        _log.error("%s: %s: %s", where, code, text)
        self.latest.append(fault)
        self.counts[code] += 1
        self.told(fault)

    def since(self, moment: float) -> list[Fault]:
        """The newest of each kind and place since then, newest first."""
        found: dict[tuple[str, str], Fault] = {}
        for fault in reversed(self.latest):
            if fault.at >= moment:
                found.setdefault((fault.code, fault.where), fault)
        return list(found.values())

    def mended(self, code: str, where: str, text: str) -> None:
        """What was noted before is over: log, tell."""
        _log.warning("%s: %s: %s", where, code, text)
        self.told(Fault(self.now(), code, where, text))
