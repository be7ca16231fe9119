"""Caches the service's answers about numbers: it treats repeated questions as automation.

Kept while the driver exists. That a number exists remains true for long; that it does not may change in minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Seconds that an answer is valid.
FOUND_TTL, MISSING_TTL = 24 * 3600.0, 300.0
MAX_ENTRIES = 10_000


class NumberCache:
    """Requested number -> the spelling that the service knows. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str | None, float]] = {}

    def spellings(self, number: str, default: Sequence[str], now: float) -> Sequence[str]:
        """The spellings to query: the known one, none for a number that does not exist, else `default`."""
        spelling, until = self._known.get(number, (None, 0.0))
        if until <= now:
            return default
        return [] if spelling is None else [spelling]

    def store(self, number: str, spelling: str | None, now: float) -> None:
        """Store the service's answer; None = no such number."""
        self._known.pop(number, None)
        self._known[number] = (spelling, now + (MISSING_TTL if spelling is None else FOUND_TTL))
        if len(self._known) > MAX_ENTRIES:
            del self._known[next(iter(self._known))]
