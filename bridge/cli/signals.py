"""Runs a bridge in this process until a signal arrives; for `wa up` and `wa bridge`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bridge.cli.systemd import notify_systemd

if TYPE_CHECKING:  # `wa responder` uses `stop_on_signals` too, and importing the bridge would cost it 13 MB of memory
    from bridge.app import Bridge

_log = logging.getLogger(__name__)
#: Seconds by which the signal of a stop may come after the end of a child.
END_DELAY = 0.5


@contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets. A second signal ends the process at once, as a kill does."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def request_stop() -> None:
        stop.set()
        for number in signals:
            loop.remove_signal_handler(number)
            signal.signal(number, _end_now)

    before = {number: signal.getsignal(number) for number in signals}
    for number in signals:
        loop.add_signal_handler(number, request_stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _end_now(number: int, _frame: object) -> None:
    """Without exceptions in whatever runs. The kernel and the next start end what is left, as after a kill."""
    os.write(sys.stderr.fileno(), b"Ended at once, without a clean stop.\n")
    os._exit(128 + number)


async def is_ending(stop: asyncio.Event) -> bool:
    """Whether a failure is one of the stop: a signal for the whole process group may end a child first."""
    try:
        async with asyncio.timeout(END_DELAY):
            await stop.wait()
    except TimeoutError:
        return False
    return True


async def run_until(bridge: Bridge, stop: asyncio.Event) -> None:
    """Run the bridge; `stop` shuts it down cleanly."""
    loop = asyncio.get_running_loop()

    def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # a signal for the whole process group ends the browser's driver first: what waits for it then fails
        if stop.is_set():
            _log.debug("while stopping: %s", context.get("exception") or context.get("message"))
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(report)
    async with notify_systemd(), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bridge.run(), name="bridge")
        stopping = tasks.create_task(stop.wait(), name="stop")
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        bridge.stop()
        await asyncio.wait([running])
        stopping.cancel()
