"""A callback URL: a small HTTP server that records what is posted and answers as configured."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.stream_server import stream_server


@dataclass(frozen=True, slots=True)
class Posted:
    """One post as it arrived. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass(slots=True)
class Answer:
    """What to answer: a status with headers, after `delay` seconds; or nothing: indefinitely (`hang`), or an end of the
    connection (`cut`)."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    cut: bool = False
    delay: float = 0.0


class Receiver:
    """Answers 200, unless there are `answers` left or `decide` returns one. Can be stopped and started again."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.posts: list[Posted] = []
        self.answers: list[Answer] = []
        self.decide: Callable[[Posted], Answer] | None = None
        self.port = 0
        self._server = AsyncExitStack()
        self._arrived = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/api/message-received"

    @property
    def bodies(self) -> list[str]:
        """Texts in the order of their arrival."""
        return [post.json["body"] for post in self.posts]

    async def start(self) -> None:
        self.port = await self._server.enter_async_context(stream_server(self._serve, self.port, tls=self._tls))

    async def stop(self) -> None:
        await self._server.aclose()

    async def got(self, count: int, *, within: float = 15.0) -> list[Posted]:
        """Wait for `count` posts."""
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: len(self.posts) >= count)
        return self.posts

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await self._one(reader, writer):
            pass

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        post = Posted(head[0].split(" ")[1], headers, body, time.monotonic())
        async with self._arrived:
            self.posts.append(post)
            self._arrived.notify_all()
        answer = self.decide(post) if self.decide else self.answers.pop(0) if self.answers else Answer()
        if answer.cut:
            return False
        if answer.hang:
            await reader.read()
            return False
        if answer.delay:
            await asyncio.sleep(answer.delay)
        lines = [f"HTTP/1.1 {answer.status} Configured", "Content-Type: application/json", "Content-Length: 2"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        writer.write("\r\n".join([*lines, "", "{}"]).encode())
        await writer.drain()
        return True
