"""A bridge with the scripted phone, on which contacts write at a rate: `soak_program.py DAY TOTAL RATE`.

The phone deletes what the bridge has taken, so that the process's memory is the bridge's. Without a total it runs the
unchanged `wa bridge` with its browser. In both cases a day of retention lasts DAY seconds, with frequent compaction.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bridge.app import Bridge, BridgeLimits
from bridge.app import bridge as bridge_module
from bridge.app.clock import SystemClock
from bridge.cli import main as wa
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.settings import load

CHATS = tuple(f"54911555000{n:02}@c.us" for n in range(1, 41))
#: Messages on the phone that the bridge has not taken; above this, writing pauses.
BACKLOG = 1000
KEPT = 500
COMPACTION = 5.0


async def write(phone: ScriptedPhone, bridge: Bridge, total: int, rate: float) -> None:
    """Write messages that contain their time of writing; only once connected, because the phone deletes old ones."""
    while bridge.hosts[0].view.situation.state is not SessionState.CONNECTED:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    began = time.monotonic()
    for number in range(total):
        while len(phone.live) > BACKLOG:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.01)
        phone.incoming(CHATS[number % len(CHATS)], f"{number} {time.time()} {'x' * 100}")
        if number % 20 == 0:
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))


async def forget(phone: ScriptedPhone) -> None:
    """Delete old items of the phone."""
    while True:
        await asyncio.sleep(1)
        del phone.history[:-KEPT]
        if not phone.pending:
            for sent in phone.sent[:-KEPT]:
                phone.ack_of.pop(sent.key.id, None)
            del phone.sent[:-KEPT]


async def scripted(total: int, rate: float) -> None:
    clock, settings = SystemClock(), load()
    phone = ScriptedPhone(clock, paired=True)
    bridge = Bridge(settings, settings.addresses, lambda _: ScriptedDriver(phone), clock)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, bridge.stop)
    forgetting = asyncio.create_task(forget(phone), name="phone forgets")
    writing = asyncio.create_task(write(phone, bridge, total, rate), name="contacts")
    await bridge.run()
    for task in (forgetting, writing):
        task.cancel()


if __name__ == "__main__":
    limits = partial(BridgeLimits, compaction=COMPACTION, day=float(sys.argv[1]))
    setattr(bridge_module, "BridgeLimits", limits)  # noqa: B010 - a wrap
    if len(sys.argv) == 4:
        asyncio.run(scripted(int(sys.argv[2]), float(sys.argv[3])))
    else:
        sys.argv = ["wa", "bridge"]
        wa()
