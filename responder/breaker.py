"""A circuit breaker: after failures in a row no request is made for a while, then a single one tries. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """`threshold` failures in a row open it for `open_for` seconds. Moments are seconds of any monotonic clock."""

    threshold: int = 5
    open_for: float = 30.0
    failures: int = 0
    open_until: float = 0.0
    _trying: bool = False

    def allows(self, now: float) -> bool:
        """Whether a request may be made now. After `open_for`, one may try while the others still wait."""
        if self.failures < self.threshold:
            return True
        if now < self.open_until or self._trying:
            return False
        self._trying = True
        return True

    def succeeded(self) -> bool:
        """Count a success; returns whether it closes the breaker."""
        closes = self.failures >= self.threshold
        self.failures, self._trying = 0, False
        return closes

    def failed(self, now: float) -> bool:
        """Count a failure; returns whether it opens the breaker. A failed try keeps it open: that is not an opening."""
        self.failures += 1
        self._trying = False
        if self.failures >= self.threshold:
            self.open_until = now + self.open_for
        return self.failures == self.threshold

    def cancelled(self) -> None:
        """The request was cancelled: neither a success nor a failure."""
        self._trying = False

    def is_open(self, now: float) -> bool:
        """Whether it blocks requests, for the status."""
        return self.failures >= self.threshold and now < self.open_until
