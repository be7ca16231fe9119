"""What the service said about numbers, so that it is not asked again and again: it takes that for a robot.

Kept while the driver lives. That a number exists stays true for long; that it does not may be over in minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

FOUND_FOR, MISSING_FOR = 24 * 3600.0, 300.0
KEPT = 10_000


class NumberCache:
    """Number as it was asked for -> the spelling that the service knows. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str | None, float]] = {}

    def spellings(self, number: str, otherwise: Sequence[str], now: float) -> Sequence[str]:
        """What to ask for: the one that is known, none for a number that does not exist, else `otherwise`."""
        spelling, until = self._known.get(number, (None, 0.0))
        if until <= now:
            return otherwise
        return [] if spelling is None else [spelling]

    def note(self, number: str, spelling: str | None, now: float) -> None:
        """The service's answer; None = no such number."""
        self._known.pop(number, None)
        self._known[number] = (spelling, now + (MISSING_FOR if spelling is None else FOUND_FOR))
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
