"""The HTTP surface as one long-lived part: its socket, its server, its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from bridge.asgi.loopback import is_loopback
from responder.errors import WrongSettings

#: Seconds that requests under way get at the end.
FAREWELL = 2
#: Connections at once, beyond which requests get 503; bytes of a request's head, and seconds in which it has to come.
CONNECTIONS, HEAD_SIZE, HEAD_LIMIT = 400, 32_768, 10.0


def listen(host: str, port: int, *, protected: bool) -> socket.socket:
    """Take the address; port 0 takes a free one. Raises WrongSettings with what to do."""
    name = host.strip("[]")
    try:
        family, _, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # the protocol by name: without it asyncio sets no TCP_NODELAY
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
        http=_PromptProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,  # a proxy of this machine says who asks through it; see `Gate` for when that is refused
        forwarded_allow_ips="127.0.0.1,::1",
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_SIZE,
        timeout_graceful_shutdown=FAREWELL,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve([listener]), name="responder http")
        stopping = tasks.create_task(stop.wait(), name="responder http stop")
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()


class _PromptProtocol(H11Protocol):
    """uvicorn's, without its patience for the head of a request that comes a byte now and then."""

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_head(True)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn declares
        self._expect_head(cycle is None or cycle.response_complete)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_head(False)
        super().connection_lost(exc)

    def _expect_head(self, expected: bool) -> None:
        """Its time runs from the connection, or from the first bytes after the request before."""
        if not expected and self._due is not None:
            self._due.cancel()
            self._due = None
        elif expected and self._due is None:
            self._due = self.loop.call_later(HEAD_LIMIT, self.transport.close)


class _Server(uvicorn.Server):
    """Uvicorn inside somebody else's loop: it leaves the signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
