"""A TCP server of a test that leaves no socket and no task, whatever its clients do and whenever it ends.

`asyncio.start_server` leaves open what it has accepted when it is closed meanwhile, and what its handler did not close.
A later test, in which such a socket is collected, would fail.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
#: Turns of the loop between the acceptance of a connection and the call of its handler.
_TURNS = 4


@asynccontextmanager
async def stream_server(serve: Serve, port: int = 0, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Call `serve` for each connection on loopback; yields the port. A connection is closed when `serve` returns.

    A client that goes away ends only its own `serve`. At the end of the context every connection is reset.
    """
    serving: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await serve(reader, writer)
        finally:
            writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        task = asyncio.create_task(serve_one(reader, writer), name="connection of a test's server")
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accepted, "127.0.0.1", port, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        for writer in writers:  # a task that was cancelled before its first step closed nothing
            writer.transport.abort()
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next turn
