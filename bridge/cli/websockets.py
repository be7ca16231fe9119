"""`wa broker websockets`: MQTT over websockets for nginx, as a service of its own beside mosquitto."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.cli.broker import ETC, Directory, broker

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from bridge.cli.run import Exit

_log = logging.getLogger(__name__)


def register(_: typer.Typer) -> None:
    """Add the command to `wa broker`."""
    broker.command()(websockets)


def websockets(directory: Directory = ETC) -> None:
    """Serve MQTT over websockets on the port that `wa broker init --websockets PORT` has set, until a signal.

    It carries them to mosquitto's plain listener, whose limits, users and rules then hold. Does not need the bridge.
    """
    from bridge.cli.service import run

    run(lambda: _serve(directory))


async def _serve(directory: Path) -> Exit:
    import os

    from bridge.cli.logs import start_logging
    from bridge.cli.run import Exit
    from bridge.cli.signals import stop_on_signals
    from bridge.cli.systemd import told_systemd
    from bridge.ops.mosquitto import BrokerDirectory, NotSetUp
    from bridge.ops.websocket_relay import relaying

    start_logging("INFO", os.environ.get("WA_LOG_FORMAT", "text"))
    where = BrokerDirectory(directory).load().listening
    if where.websockets is None:
        raise NotSetUp("No port is set for websockets: wa broker init --websockets 9001")
    with stop_on_signals() as stop:
        async with relaying(where.websockets, where.port), told_systemd():
            _log.info("MQTT over websockets: port %d, for the broker on %d.", where.websockets, where.port)
            await stop.wait()
    return Exit.OK
