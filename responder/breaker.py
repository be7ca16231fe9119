"""A circuit breaker: after failures in a row nobody is asked for a while, then one question tries. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """`threshold` failures in a row open it for `rest` seconds. Moments are seconds of any monotonic clock."""

    threshold: int = 5
    rest: float = 30.0
    failures: int = 0
    open_until: float = 0.0
    _trying: bool = False

    def allows(self, now: float) -> bool:
        """Whether to ask now. When the rest is over, one question may try, the others still not."""
        if self.failures < self.threshold:
            return True
        if now < self.open_until or self._trying:
            return False
        self._trying = True
        return True

    def succeeded(self) -> bool:
        """An answer came. Whether that closes it."""
        closes = self.failures >= self.threshold
        self.failures, self._trying = 0, False
        return closes

    def failed(self, now: float) -> bool:
        """None came. Whether that opens it, which a try after the rest does not do anew."""
        self.failures += 1
        self._trying = False
        if self.failures >= self.threshold:
            self.open_until = now + self.rest
        return self.failures == self.threshold

    def gave_up(self) -> None:
        """The question was withdrawn, which says nothing about the other side."""
        self._trying = False

    def is_open(self, now: float) -> bool:
        """Whether it keeps questions back, for the status."""
        return self.failures >= self.threshold and now < self.open_until
