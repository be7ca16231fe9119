"""`wa bridge` whose clock can be moved and whose lease can be shorter: `bridge_program.py CLOCK SHARE`.

CLOCK is a file with seconds to add to the clock. SHARE is the share of the product's lease times, for the short run of
the test suite; 1 leaves the product as it is.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bridge.app import BridgeLimits, bridge
from bridge.cli import main
from bridge.core.lease import LeaseTimes
from bridge.drivers.web import driver
from bridge.drivers.web.limits import Limits
from tests.chaos.bridge_program import move_clock

if __name__ == "__main__":
    clock, share = Path(sys.argv[1]), float(sys.argv[2])
    product = LeaseTimes()
    times = LeaseTimes(**{one.name: getattr(product, one.name) * share for one in fields(LeaseTimes)})
    setattr(bridge, "BridgeLimits", partial(BridgeLimits, lease=times))  # noqa: B010 - a wrapper
    setattr(driver, "Limits", partial(Limits, restarts=10**6, retry_most=4.0))  # noqa: B010 - a wrapper
    move_clock(clock)
    sys.argv = ["wa", "bridge"]
    main()
