"""The address of the HTTP side, taken before anything else starts."""

from __future__ import annotations

import ipaddress
import socket

from bridge.asgi.listener import bind
from bridge.contract.errors import StartError


def listen(host: str, port: int) -> socket.socket:
    """Take the address of the HTTP side; port 0 takes a free one. Raises `StartError` with what to do."""
    try:
        return bind(host, port)
    except OSError as error:
        raise StartError(
            f"HTTP cannot listen on {host}:{port} ({error.strerror}). End the program that does, or choose another"
            " address in WA_HTTP_HOST and WA_HTTP_PORT (off: no HTTP)."
        ) from error


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach a socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def address_of(listener: socket.socket) -> str:
    """Where a socket listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
