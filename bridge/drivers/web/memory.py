"""How much memory browser, driver and bridge use: their proportional set size, as Linux counts it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from bridge.contract.status import MemoryUse

from . import processes


def measure(profile: Path) -> MemoryUse:
    """Look now. Takes some milliseconds a process: for a thread."""
    return MemoryUse(
        browser_mb=_megabytes(mark.pid for mark in processes.of_profile(profile)),
        driver_mb=_megabytes(mark.pid for mark in processes.playwright_drivers()),
        bridge_mb=_megabytes([os.getpid()]),
    )


def _megabytes(pids: Iterable[int]) -> int:
    return round(sum(map(_kilobytes, set(pids))) / 1024)


def _kilobytes(pid: int) -> int:
    """0 for a process that is gone, or that the kernel does not let us look at."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
