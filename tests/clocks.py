"""Clocks: one that only the test advances, and one that is wrong."""

from __future__ import annotations

import time


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


class ShiftedClock:
    """`bridge.ports.Clock` of a host whose clock is wrong by `shift` seconds."""

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def now(self) -> float:
        return time.time() + self.shift

    def monotonic(self) -> float:
        return time.monotonic()
