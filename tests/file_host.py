"""A web server with files, which answers as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.stream_server import stream_server

#: Writes the whole answer to a request for a path.
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class FileHost:
    """`files` by path; `answers` take precedence. `asked` are the paths that were requested."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.port = 0

    def url(self, path: str) -> str:
        return f"http://localhost:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
    async with stream_server(host.serve) as host.port:
        yield host
