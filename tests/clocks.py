"""Time that stands until a test moves it."""

from __future__ import annotations


class FakeClock:
    """`bridge.ports.Clock`. Both hands move together; a test may set `unix` alone, as a corrected system clock."""

    def __init__(self, unix: float = 1_790_000_000.0) -> None:
        self.unix = unix
        self.steady = 1000.0

    def now(self) -> float:
        return self.unix

    def monotonic(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.unix += seconds
        self.steady += seconds
