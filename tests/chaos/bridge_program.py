"""`wa bridge` in a process that the chaos rig can kill at a step, or whose clock it can move.

`bridge_program.py ARMED CLOCK`: two files. ARMED names the step to crash at; CLOCK holds seconds to add to the clock.
Two limits differ from production, because the rig kills more browsers in minutes than a machine does in months: there
is no pause after many restarts, and the delay between attempts grows to 4 s only.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bridge.app import clock
from bridge.cli import main
from bridge.drivers.web import driver
from bridge.drivers.web.limits import Limits
from tests.chaos.crash_points import CrashPoints


def move_clock(path: Path) -> None:
    """Shift the wall clock by the seconds in the file."""

    def now(_: object) -> float:
        try:
            return time.time() + float(path.read_text() or 0)
        except FileNotFoundError:
            return time.time()

    setattr(clock.SystemClock, "now", now)  # noqa: B010 - a wrapper


if __name__ == "__main__":
    armed, moved = (Path(argument) for argument in sys.argv[1:3])
    setattr(driver, "Limits", partial(Limits, restarts=10**6, retry_most=4.0))  # noqa: B010 - a wrapper
    CrashPoints(armed).install()
    move_clock(moved)
    sys.argv = ["wa", "bridge"]
    main()
