"""uvicorn as one part of a process: its socket, its limits, its end."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

_log = logging.getLogger(__name__)
#: Open files for everything beside connections: stores, broker, page, webhooks.
_OTHER_FILES = 96
#: Connections that wait to be accepted.
_WAITING = 512
#: Connections that are accepted before the limit of connections is looked at.
_BATCH = 8
#: Turns of the loop between the acceptance of a connection and the end of one that is refused.
_TURNS = 4
_WARNING_PAUSE = 60.0
_RAISE = "LimitNOFILE of the service or `ulimit -n` raises the number of open files."


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Times in seconds. `head_size` in bytes. Beyond `connections`, requests get 503.

    Where fewer than `reserve` connections are left, the oldest one that waits for a request is closed for a new one.
    `write_timeout` is for a client that reads nothing of what it asked for.
    `head_timeout` runs from the connection, or from the first byte after the request before. `keep_alive` is longer
    than a proxy keeps an idle connection (nginx: 60 s or 75 s): otherwise a request meets the end of its connection,
    and the proxy answers 502. `shutdown_timeout` is for the requests in progress at the end.
    """

    reserve: int = 50
    write_timeout: float = 60.0
    connections: int = 800  # below the usual limit of open files
    head_size: int = 32_768
    head_timeout: float = 10.0
    keep_alive: int = 90
    shutdown_timeout: int = 3

    def within(self, files: int) -> ServerLimits:
        """These limits, with so few connections that a process may have only `files` open files."""
        connections = max(8, min(self.connections, files - _OTHER_FILES - _TURNS * _BATCH))
        return replace(self, connections=connections, reserve=min(self.reserve, connections // 4))


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises `OSError`."""
    name = host.strip("[]")
    family, _, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    # The protocol by name: without it asyncio does not set TCP_NODELAY, and an answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_WAITING)
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
        """A server for HTTP without WebSocket."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            fewer = limits.within(files)
            if fewer.connections < limits.connections:
                _log.warning(
                    "This process may open %d files: HTTP takes %d connections instead of %d. %s",
                    *(files, fewer.connections, limits.connections, _RAISE),
                )
            limits = fewer
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
                proxy_headers=False,  # `Forwarded` knows which proxies to believe
                limit_concurrency=limits.connections,
                backlog=_BATCH,  # asyncio also accepts that many at once, before a protocol can refuse one
                timeout_keep_alive=limits.keep_alive,
                timeout_graceful_shutdown=limits.shutdown_timeout,
                h11_max_incomplete_event_size=limits.head_size,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(_WAITING)  # the server has set it to its batch
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


def _is_no_refusal(record: logging.LogRecord) -> bool:
    return record.msg != "Exceeded concurrency limit."


class LimitedConfig(uvicorn.Config):
    """Hands the limits to `HeadTimeoutProtocol`, which knows only its configuration."""

    def __init__(self, app: ASGIApp, limits: ServerLimits, **options: Any) -> None:
        super().__init__(app, **options)
        self.limits = limits
        self._warned = -_WARNING_PAUSE
        # once for each refused request: a stranger would fill the log
        logging.getLogger("uvicorn.error").addFilter(_is_no_refusal)

    def warn_full(self) -> None:
        """Log that connections are closed or refused, at most once a minute."""
        if time.monotonic() >= self._warned + _WARNING_PAUSE:
            self._warned = time.monotonic()
            _log.warning(
                "HTTP has almost all of its %d connections: those that wait are closed, further ones refused. %s",
                *(self.limits.connections, _RAISE),
            )


class HeadTimeoutProtocol(H11Protocol):
    """Closes a connection whose request head does not arrive in time.

    Without a limit, a client that sends a byte now and then keeps its connection indefinitely (slow loris).
    """

    config: LimitedConfig
    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False  # paths may contain numbers and ids; uvicorn's own switch has no effect with handlers

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_head(True)
        limits = self.config.limits
        if len(self.connections) <= limits.connections - limits.reserve:
            return
        ours = (one for one in self.connections if isinstance(one, HeadTimeoutProtocol))
        opened = [one for one in ours if not one.transport.is_closing()]
        if len(opened) <= limits.connections - limits.reserve:
            return
        self.config.warn_full()
        if waiting := [one for one in opened if one.head_due and one is not self]:
            min(waiting, key=lambda one: one.head_due).transport.abort()
        elif len(opened) > limits.connections:
            transport.abort()

    @property
    def head_due(self) -> float:
        """When the head must have arrived, in the loop's time; 0 during a request."""
        return self._timer.when() if self._timer is not None else 0.0

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.config.limits.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_write_timer()

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn declares
        self._expect_head(cycle is None or cycle.response_complete)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_head(False)
        self._stop_write_timer()
        super().connection_lost(exc)

    def _expect_head(self, expected: bool) -> None:
        if not expected and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif expected and self._timer is None:
            self._timer = self.loop.call_later(self.config.limits.head_timeout, self.transport.close)
