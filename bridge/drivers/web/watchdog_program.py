"""A script: ends the browsers on a profile when its time is over, even while the bridge is frozen.

A browser in a window is another program's (`wa pair --window`), which has the profile while it is open.

It reads lines `<deadline> <profile>` from its standard input: seconds of the clock that goes on while the machine is
suspended. A later line of a profile replaces its deadline. From a deadline on it ends every browser on the profile,
until a line gives more time. When the input ends, the bridge is gone, and every time is over.

It loads one file of the package, not the package: it runs beside every bridge that shares its sessions.
"""

from __future__ import annotations

import importlib.util
import os
import select
import sys
import time
from pathlib import Path
from typing import Any

#: Seconds between two looks at the deadlines: a timer of a machine that was paused goes on where it was.
POLL = 0.25
#: Seconds between two looks for a browser on profiles whose time is over, once none was left: each look costs 7 ms.
CALM = 1.0


def boot_time() -> float:
    """Seconds that never jump and count a suspended machine's time, where the system has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def load_processes() -> Any:
    """The module `processes` beside this file."""
    specification = importlib.util.spec_from_file_location("processes", Path(__file__).with_name("processes.py"))
    if specification is None or specification.loader is None:
        raise ImportError("processes.py is missing")
    module = importlib.util.module_from_spec(specification)
    sys.modules["processes"] = module  # its dataclasses look there
    specification.loader.exec_module(module)
    return module


def main() -> None:
    processes = load_processes()
    deadlines: dict[Path, float] = {}
    rest, over, look_at = b"", set[Path](), 0.0
    while True:
        now = boot_time()
        before, over = over, {profile for profile, deadline in deadlines.items() if deadline <= now}
        if over and (now >= look_at or over - before):
            left = [mark for profile in over for mark in processes.without_window(profile)]
            processes.kill(left)
            look_at = now if left else now + CALM
        ready, _, _ = select.select([0], [], [], POLL if deadlines else None)
        if not ready:
            continue
        if not (chunk := os.read(0, 65536)):
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            deadline, _, path = line.decode().partition(" ")
            deadlines[Path(path)] = float(deadline)
    for profile in deadlines:
        processes.kill(processes.without_window(profile))


if __name__ == "__main__":
    main()
