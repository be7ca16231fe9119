"""uvicorn as one part of a process: its socket, its limits, its end."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from bridge.asgi.limits import ACCEPTED_AT_ONCE, TURNS, ServerLimits
from bridge.asgi.listener import WAITING

_log = logging.getLogger(__name__)
_WARNING_PAUSE = 60.0
_RAISE = "LimitNOFILE of the service or `ulimit -n` raises the number of open files."


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
                backlog=ACCEPTED_AT_ONCE,  # asyncio also accepts that many at once, before a protocol can refuse one
                timeout_keep_alive=limits.keep_alive,
                timeout_graceful_shutdown=limits.shutdown_timeout,
                h11_max_incomplete_event_size=limits.head_size,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(WAITING)  # the server has set it to its batch
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._accept_no_more()
        await super().shutdown(sockets)

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
                stopping.cancel()
                await self._abort()

    async def _accept_no_more(self) -> None:
        """asyncio forgets the socket of a connection that it has accepted when its server is closed meanwhile."""
        loop = asyncio.get_running_loop()
        for listening in getattr(self, "servers", []):
            for accepting in listening.sockets:
                loop.remove_reader(accepting.fileno())
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def _abort(self) -> None:
        """Close what a cancelled server leaves open."""
        await self._accept_no_more()
        for listening in getattr(self, "servers", []):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next turn

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
