"""The HTTP surface as one long-lived part."""

from __future__ import annotations

import asyncio
import socket

from starlette.types import ASGIApp

from bridge.asgi.limits import ServerLimits
from bridge.asgi.listener import bind
from bridge.asgi.loopback import is_loopback
from bridge.asgi.server import EmbeddedServer
from responder.errors import WrongSettings


def listen(host: str, port: int, *, protected: bool) -> socket.socket:
    """Take the address; port 0 takes a free one. Raises WrongSettings with what to do."""
    try:
        listener = bind(host, port)
    except OSError as error:
        raise WrongSettings(
            f"The responder cannot listen on {host}:{port} ({error.strerror}). End the program that does, or choose"
            " another address in RESPONDER_HOST and PORT."
        ) from error
    if not protected and not is_loopback(listener.getsockname()[0]):
        listener.close()
        raise WrongSettings(
            "RESPONDER_HOST lets other machines in, and no key protects the conversations. Set WHATSAPP_API_KEY."
        )
    return listener


async def serve(app: ASGIApp, listener: socket.socket, stop: asyncio.Event, limits: ServerLimits) -> None:
    """Serve requests until `stop` is set."""
    await EmbeddedServer.of(app, limits).serve_until(stop, listener, "responder http")
