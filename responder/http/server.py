"""The HTTP surface as one long-lived part: its socket, its server, its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from bridge.contract.loopback import is_loopback
from responder.errors import WrongSettings

#: Seconds that requests under way get at the end.
FAREWELL = 2


def listen(host: str, port: int, *, protected: bool) -> socket.socket:
    """Take the address; port 0 takes a free one. Raises WrongSettings with what to do."""
    name = host.strip("[]")
    try:
        family, _, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
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


async def serve(app: ASGIApp, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until `stop`."""
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=FAREWELL,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve([listener]), name="responder http")
        stopping = tasks.create_task(stop.wait(), name="responder http stop")
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()


class _Server(uvicorn.Server):
    """Uvicorn inside somebody else's loop: it leaves the signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
