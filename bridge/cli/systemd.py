"""Notifies systemd (sd_notify) that a service is ready and that its event loop still runs.

Owns NOTIFY_SOCKET and WATCHDOG_USEC. When the loop blocks, WATCHDOG stops and systemd restarts the service. Reports
nothing about WhatsApp: a disconnected session is no reason to kill a bridge that is reconnecting it.
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
async def notify_systemd(environment: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """Send READY on entry, WATCHDOG while the block runs, STOPPING on exit. Without NOTIFY_SOCKET, do nothing."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        yield
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as supervisor:
        supervisor.setblocking(False)
        path = "\0" + address[1:] if address.startswith("@") else address  # @ marks an abstract socket
        _send(supervisor, path, "READY=1")
        watchdog = asyncio.create_task(_watchdog(supervisor, path, environment), name="systemd watchdog")
        try:
            yield
        finally:
            watchdog.cancel()
            await asyncio.wait([watchdog])
            _send(supervisor, path, "STOPPING=1")


async def _watchdog(supervisor: socket.socket, path: str, environment: Mapping[str, str]) -> None:
    limit = environment.get("WATCHDOG_USEC", "")
    if not limit.isdigit() or environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    while True:
        _send(supervisor, path, "WATCHDOG=1")
        await asyncio.sleep(int(limit) / 1e6 / 3)


def _send(supervisor: socket.socket, path: str, state: str) -> None:
    try:
        supervisor.sendto(state.encode(), path)
    except OSError as error:
        _log.warning("%s could not be sent to systemd: %s", state, error.strerror)
