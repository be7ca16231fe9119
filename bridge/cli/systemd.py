"""Tells systemd that a service is up and that its event loop turns, where it asked for that (sd_notify).

Owns NOTIFY_SOCKET and WATCHDOG_USEC. A loop that hangs stops telling, and systemd starts the service anew. Says nothing
about WhatsApp: a session that is not connected is no reason to kill a bridge that is working on it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

_log = logging.getLogger(__name__)


@asynccontextmanager
async def told_systemd(environment: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """READY at the beginning, WATCHDOG while the block runs, STOPPING at its end; nothing without NOTIFY_SOCKET."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        yield
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as supervisor:
        supervisor.setblocking(False)
        path = "\0" + address[1:] if address.startswith("@") else address  # @: no file, an abstract name
        _tell(supervisor, path, "READY=1")
        watchdog = asyncio.create_task(_watchdog(supervisor, path, environment), name="systemd watchdog")
        try:
            yield
        finally:
            watchdog.cancel()
            await asyncio.wait([watchdog])
            _tell(supervisor, path, "STOPPING=1")


async def _watchdog(supervisor: socket.socket, path: str, environment: Mapping[str, str]) -> None:
    limit = environment.get("WATCHDOG_USEC", "")
    if not limit.isdigit() or environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    while True:
        _tell(supervisor, path, "WATCHDOG=1")
        await asyncio.sleep(int(limit) / 1e6 / 3)


def _tell(supervisor: socket.socket, path: str, state: str) -> None:
    try:
        supervisor.sendto(state.encode(), path)
    except OSError as error:
        _log.warning("systemd could not be told %s: %s", state, error.strerror)
