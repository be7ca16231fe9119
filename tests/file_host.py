"""A web server with files, which answers as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

#: Writes the whole answer to a request for a path.
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class FileHost:
    """`files` by path; `answers` take precedence. `asked` are the paths that were requested."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.port = 0
        self._serving: set[asyncio.Task[Any]] = set()

    def url(self, path: str) -> str:
        return f"http://localhost:{self.port}{path}"

    async def end(self) -> None:
        """Cut the connections that are still served."""
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            self.asked.append(path)
            if path in self.answers:
                await self.answers[path](writer)
            elif path in self.files:
                await plain(self.files[path])(writer)
            else:
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()


def plain(content: bytes, headers: str = "") -> Answer:
    """A file with its length."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{headers}Content-Length: {len(content)}\r\n\r\n".encode())
        writer.write(content)

    return answer


def redirect(location: str) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())

    return answer


def endless(pause: float = 0.0) -> Answer:
    """A body without an end and without a length."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * (1 if pause else 65_536))
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


@asynccontextmanager
async def file_host() -> AsyncIterator[FileHost]:
    host = FileHost()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        await host.end()
