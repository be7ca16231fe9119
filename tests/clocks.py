"""A clock that only the test advances."""

from __future__ import annotations


class FakeClock:
    """`bridge.ports.Clock`. Both times advance together; setting `unix` alone simulates a corrected system clock."""

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
