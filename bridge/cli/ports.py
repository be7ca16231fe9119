"""The ports of `wa up --sandbox`: one that was set is taken or refused, a default one may give way to another."""

from __future__ import annotations

import socket
from collections.abc import Callable

from bridge.contract.errors import StartError


def usable_port(port: int, setting: str, warn: Callable[[str], None], *, is_set: bool) -> int:
    """`port`, or a free one in place of 0, or of a default that is in use: then `warn` gets the sentence.

    `setting` is what sets the port, `is_set` whether it did. Raises `StartError` for a port that was set and is in use.
    """
    if port == 0:
        return free_port()
    if _is_free(port):
        return port
    if is_set:
        raise StartError(f"{setting}: port {port} is taken{_by(port)}. End that program, or set another port.")
    other = free_port()
    warn(f"{port} is taken{_by(port)}: {other} instead; {setting} sets it")
    return other


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _by(port: int) -> str:
    """Which process listens there, as far as this user may know."""
    import psutil

    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                return f" by {psutil.Process(one.pid).name()} (process {one.pid})"
    except (psutil.Error, OSError):
        pass
    return ""
