"""A TCP relay between a client and its broker that breaks the connection as networks do."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from types import TracebackType

from tests.stream_server import stream_server


class Relay:
    """`async with Relay(port) as relay`, then connect to `relay.port`.

    `freeze` keeps the sockets open and lets nothing through in either direction; `cut` resets them all.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = AsyncExitStack()
        self.port = 0

    async def __aenter__(self) -> Relay:
        self._open.set()
        self.port = await self._server.enter_async_context(stream_server(self._accepted))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.aclose()

    def freeze(self) -> None:
        """Forward nothing from now on."""
        self._open.clear()

    def thaw(self) -> None:
        """Forward again, including what a frozen connection received meanwhile, if it still exists."""
        self._open.set()

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        self._writers.clear()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(back)
        try:
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        finally:
            back.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await source.read(65536):
                await self._open.wait()
                sink.write(chunk)
                await sink.drain()
        sink.transport.abort()
        self._writers.discard(sink)
