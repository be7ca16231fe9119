"""uvicorn as one part of a process: its socket, its limits, its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Times in seconds. `head_size` in bytes. Beyond `connections`, requests get 503.

    `head_timeout` runs from the connection, or from the first byte after the request before. `shutdown_timeout` is for
    the requests in progress at the end.
    """

    connections: int = 800  # below the usual limit of open files
    head_size: int = 32_768
    head_timeout: float = 10.0
    keep_alive: int = 20
    shutdown_timeout: int = 3


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises `OSError`."""
    name = host.strip("[]")
    family, _, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    # The protocol by name: without it asyncio does not set TCP_NODELAY, and an answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


class EmbeddedServer(uvicorn.Server):
    """uvicorn in the event loop of a larger program: it leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        #: Set when requests are answered.
        self.ready = asyncio.Event()

    @classmethod
    def of(cls, app: ASGIApp, limits: ServerLimits) -> EmbeddedServer:
        """A server for HTTP without WebSocket. A proxy on this machine may name the client (X-Forwarded-For)."""
        return cls(
            LimitedConfig(
                app,
                limits,
                http=HeadTimeoutProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=True,  # `Authentication` refuses them where no credentials are configured
                forwarded_allow_ips="127.0.0.1,::1",
                limit_concurrency=limits.connections,
                timeout_keep_alive=limits.keep_alive,
                timeout_graceful_shutdown=limits.shutdown_timeout,
                h11_max_incomplete_event_size=limits.head_size,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def serve_until(self, stop: asyncio.Event, listener: socket.socket, name: str) -> None:
        """Serve until `stop`, which is also set when the server ends by itself. `name` is that of the task."""
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(self.serve([listener]), name=name)
            stopping = tasks.create_task(stop.wait(), name=f"{name} stop")
            try:
                await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
                stop.set()
                self.should_exit = True
                await asyncio.wait([serving])
            finally:
                self._abort()
                stopping.cancel()

    def _abort(self) -> None:
        """Close what a cancelled server leaves open."""
        for listening in getattr(self, "servers", []):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class LimitedConfig(uvicorn.Config):
    """Hands the limits to `HeadTimeoutProtocol`, which knows only its configuration."""

    def __init__(self, app: ASGIApp, limits: ServerLimits, **options: Any) -> None:
        super().__init__(app, **options)
        self.limits = limits


class HeadTimeoutProtocol(H11Protocol):
    """Closes a connection whose request head does not arrive in time.

    Without a limit, a client that sends a byte now and then keeps its connection indefinitely (slow loris).
    """

    config: LimitedConfig
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False  # paths may contain numbers and ids; uvicorn's own switch has no effect with handlers

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
        if not expected and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif expected and self._timer is None:
            self._timer = self.loop.call_later(self.config.limits.head_timeout, self.transport.close)
