"""The machine's clock."""

from __future__ import annotations

import time

from typing_extensions import override

from bridge.ports import Clock


def boot_time() -> float:
    """Seconds that never jump and count a suspended machine's time, where the system has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SystemClock(Clock):
    @override
    def now(self) -> float:
        return time.time()

    @override
    def monotonic(self) -> float:
        return time.monotonic()
