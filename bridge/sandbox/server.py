"""The sandbox's server: the WhatsApp Web double at `/`, the phone at `/phone`, the control API at `/api`.

It listens on loopback only. It owns the socket, the timer for due changes, and the state file.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import uvicorn

from bridge.asgi.listener import bind
from bridge.asgi.server import EmbeddedServer
from bridge.sandbox.app import build_app
from bridge.sandbox.changes import Change, LoggedOut, RefChanged
from bridge.sandbox.guard import LIMITS
from bridge.sandbox.linked_devices import CodeNotShown
from bridge.sandbox.media import MediaServer
from bridge.sandbox.passkey import PasskeyAsked
from bridge.sandbox.received_media import ReceivedFiles
from bridge.sandbox.state import StateFile
from bridge.sandbox.world import World

#: Maximum concurrent connections; further requests get 503.
CONNECTIONS = 500


class AddressUnavailable(OSError):
    """The sandbox cannot listen on the given address."""


class Sandbox:
    """A WhatsApp Web double with its phone; use as `async with Sandbox() as sandbox`.

    `port` 0 selects a free port. With `state_path` the world survives a restart. With `auto_scan` the phone scans the
    first QR code after the start automatically, but none after a logout.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        state_path: Path | None = None,
        *,
        auto_scan: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._host = host
        self._port = port
        self._state_path = state_path
        self._auto_scan = auto_scan
        self._now = now
        self._changed = asyncio.Event()
        self._scanned = False
        self.world: World
        self.media: MediaServer
        self.received: ReceivedFiles
        self._folders = ExitStack()
        self._server: uvicorn.Server
        self._running: asyncio.Task[None]

    @property
    def url(self) -> str:
        """The URL that the driver opens."""
        name = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{name}:{self._port}/"

    @property
    def phone_url(self) -> str:
        return f"{self.url}phone"

    @property
    def api_url(self) -> str:
        """The control API's URL, without a trailing slash."""
        return f"{self.url}api"

    async def __aenter__(self) -> Self:
        """Start. Raises `AddressUnavailable`, `StateUnreadable`, or `OSError` if the state cannot be written."""
        file = StateFile(self._state_path) if self._state_path else None
        self.world = World(self._now, _new_id, file.load() if file else None)
        listener = self._listen()
        self.received = ReceivedFiles(self._folder("received"))
        if file:
            file.save(self.world.state)
        self.media = MediaServer(self._folder("media"))
        server = EmbeddedServer(
            uvicorn.Config(
                build_app(self.world, self.media, self.received),
                lifespan="off",
                log_config=None,
                access_log=False,
                ws="websockets-sansio",
                ws_max_size=LIMITS.size,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=2,
                server_header=False,
            )
        )
        self.world.listeners.append(self._on_change)
        self._server = server
        self._running = asyncio.create_task(self._run(server, listener, file), name="sandbox")
        await server.ready.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving, then save the state."""
        self._server.should_exit = True
        with self._folders:
            await self._running

    async def _run(self, server: uvicorn.Server, listener: socket.socket, file: StateFile | None) -> None:
        with listener:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(self._run_due(), name="sandbox clock")]
                if file:
                    self.world.listeners.append(file.on_change)
                    background.append(tasks.create_task(file.run(self.world.state), name="sandbox state file"))
                await server.serve([listener])
                for task in background:
                    task.cancel()
        if file:
            file.save(self.world.state)

    def _folder(self, name: str) -> Path:
        if self._state_path is not None:
            return self._state_path.with_name(f"{self._state_path.name}.{name}")
        return Path(self._folders.enter_context(TemporaryDirectory(prefix=f"wa-sandbox-{name}-")))

    def _listen(self) -> socket.socket:
        name = "127.0.0.1" if self._host == "localhost" else self._host
        if not ipaddress.ip_address(name).is_loopback:
            raise AddressUnavailable(f"The sandbox listens on loopback only, not on {self._host}.")
        try:
            listener = bind(name, self._port)
        except OSError as error:
            raise AddressUnavailable(
                f"The sandbox cannot listen on {self._host}:{self._port}: {error.strerror}. Choose another port."
            ) from error
        self._port = listener.getsockname()[1]
        return listener

    async def _run_due(self) -> None:
        """Apply due changes on time; any change may make another one due earlier."""
        while True:
            due = self.world.next_due()
            self._changed.clear()
            try:
                async with asyncio.timeout(None if due is None else max(due - self._now(), 0)):
                    await self._changed.wait()
            except TimeoutError:
                self.world.advance()

    def _on_change(self, change: Change) -> None:
        self._changed.set()
        if isinstance(change, LoggedOut):
            self._scanned = True  # after a logout the user wants to see the QR code
        if self._auto_scan and isinstance(change, RefChanged) and change.ref and not self._scanned:
            self._scanned = True
            asyncio.get_running_loop().call_soon(self._scan)

    def _scan(self) -> None:
        with suppress(CodeNotShown, PasskeyAsked):  # the page may have gone since
            self.world.linking.scan()


def _new_id() -> str:
    return secrets.token_hex(9).upper()
