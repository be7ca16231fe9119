"""Child process: a bridge with a scripted phone, whose contacts write on request.

    python -m bench.scripted_program URL DATA_DIR

Prints "connected". Each line on standard input is {"first": n, "count": n, "rate": per second, "text": …}: `count`
contacts, numbered from `first`, write that text once. Ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys

from bench.stage import say
from bridge.app import Bridge
from bridge.app.clock import SystemClock
from bridge.broker import parse_addresses
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.settings import load


def person(number: int) -> str:
    """Chat id of contact `number`, 0 to 9999."""
    return f"549115550{number:04}@c.us"


async def _write(phone: ScriptedPhone, first: int, count: int, rate: float, text: str) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        phone.incoming(person(first + number), text, notify_name="Ana")


async def main() -> None:
    url, data_dir = sys.argv[1:]
    phone = ScriptedPhone(SystemClock(), paired=True)
    settings = load(WA_DATA_DIR=data_dir, WA_PACE="off", WA_HTTP_PORT="off", WA_INSTANCE="bench")
    bridge = Bridge(settings, parse_addresses(url), lambda _: ScriptedDriver(phone), SystemClock())
    running = asyncio.create_task(bridge.run(), name="bridge")
    while bridge.hosts[0].view.situation.state is not SessionState.CONNECTED:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.05)
    say("connected")
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        await _write(phone, **json.loads(line))
    bridge.stop()
    await running


if __name__ == "__main__":
    asyncio.run(main())
