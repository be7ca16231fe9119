"""The façade as one long-lived part of the bridge: its socket, its server, its end."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from bridge.contract.errors import StartError
from bridge.http.app import build_app
from bridge.http.auth_middleware import AuthOptions
from bridge.http.context import AppContext

_log = logging.getLogger(__name__)
#: Seconds in which a request's head has to be there, counted from the connection or the end of the one before.
HEAD_LIMIT = 10.0
#: Bytes of a request's head.
HEAD_SIZE = 32_768
#: Connections at once; beyond, requests get 503. Below the usual limit of open files.
CONNECTIONS = 800
#: Seconds that requests under way get to finish at the end.
FAREWELL = 3


def listen(host: str, port: int) -> socket.socket:
    """Take the façade's address; port 0 takes a free one. Raises `StartError` with what to do."""
    name = host.strip("[]")
    try:
        family, _, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # The protocol by name: without it asyncio sets no TCP_NODELAY, and an answer waits 40 ms for an ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(512)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise StartError(
            f"HTTP cannot listen on {host}:{port} ({error.strerror}). End the program that does, or choose another"
            " address in WA_HTTP_HOST and WA_HTTP_PORT (off: no HTTP)."
        ) from error
    return listener


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach a socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def address_of(listener: socket.socket) -> str:
    """Where a socket listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class HttpServer:
    """Serves HTTP on `listener` until `stop`."""

    def __init__(self, parts: AppContext, gate: AuthOptions, listener: socket.socket, *, version: str) -> None:
        self._parts = parts
        self._gate = gate
        self._listener = listener
        self._version = version
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more requests; `run` returns when those under way are answered, or after `FAREWELL` seconds."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`. Raises `StartError` where everybody could call and nobody would have to show a key."""
        if not self._gate.loopback_only and not await self._parts.credentials.are_configured():
            raise StartError(
                "HTTP listens beyond this machine (WA_HTTP_HOST), and no key protects it. Set WHATSAPP_API_KEY or"
                " WA_JWT_SECRET, or make a key with `wa key create`."
            )
        server = _Server(
            uvicorn.Config(
                build_app(self._parts, self._gate, version=self._version),
                http=PromptProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # Who asks through a proxy of this machine is told by it; see `Gate` for when that is refused.
                proxy_headers=True,
                forwarded_allow_ips="127.0.0.1,::1",
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=20,
                timeout_graceful_shutdown=FAREWELL,
                h11_max_incomplete_event_size=HEAD_SIZE,
            )
        )
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve([self._listener]), name="http server")
            stopping = tasks.create_task(self._stopping.wait(), name="http stop")
            try:
                await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
                self._parts.closing.set()
                server.should_exit = True
                await asyncio.wait([serving])
            finally:
                server.let_go()
                stopping.cancel()


class PromptProtocol(H11Protocol):
    """uvicorn's protocol with a time for the head of a request: without one, a client that sends a byte now and then
    holds its connection for ever (slow loris)."""

    _due: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False  # paths may hold numbers and ids; uvicorn's own switch counts only without handlers

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._due = self.loop.call_later(HEAD_LIMIT, self._too_late)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn declares
        between = cycle is None or cycle.response_complete
        if not between:
            self._stop_waiting()
        elif self._due is None:  # the first bytes of the next request on this connection
            self._due = self.loop.call_later(HEAD_LIMIT, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _too_late(self) -> None:
        self._due = None
        if not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """Uvicorn inside somebody else's loop: it leaves the signals alone, and lets go of everything when cancelled."""

    def let_go(self) -> None:
        """Close what a cancelled server leaves open."""
        for listening in getattr(self, "servers", []):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
