"""Child process: the sandbox; prints its addresses as a JSON line."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from bench.stage import say
from bridge.sandbox import Sandbox


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Sandbox(state_path=Path(sys.argv[1]), auto_scan=True) as sandbox:
        say({"web": sandbox.url, "api": sandbox.api_url})
        await stop.wait()


asyncio.run(main())
