"""The machine's clock."""

from __future__ import annotations

import time

from typing_extensions import override

from bridge.ports import Clock


class SystemClock(Clock):
    """`Clock` of the real world."""

    @override
    def now(self) -> float:
        return time.time()

    @override
    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()
