"""The machine's clock."""

from __future__ import annotations

import time


class SystemClock:
    """`Clock` of the real world."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()
