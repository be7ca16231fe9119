"""Runs a bridge in this process until a signal: what `wa up` and `wa bridge` have in common."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge.cli.systemd import told_systemd

if TYPE_CHECKING:  # `wa responder` stops on signals too, and would have 13 MB of bridge in memory for ever
    from bridge.app import Bridge


@contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets. A second signal ends the process at once, as if nobody listened."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def heard() -> None:
        stop.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, heard)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def run_until(bridge: Bridge, stop: asyncio.Event) -> None:
    """Run the bridge; `stop` ends it cleanly."""
    async with told_systemd(), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bridge.run(), name="bridge")
        stopping = tasks.create_task(stop.wait(), name="stop")
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        bridge.stop()
        await asyncio.wait([running])
        stopping.cancel()
