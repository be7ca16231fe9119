"""A forward proxy on loopback that counts what passes: HTTP with a password if one is set, and SOCKS5 without."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.stream_server import stream_server


@dataclass
class CountingProxy:
    """`passed` has `host:port` of each connection that was let through, `refused` counts those without the password."""

    user: str | None = None
    password: str = ""
    port: int = 0
    passed: list[str] = field(default_factory=list)
    refused: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(1)
            await (self._socks(reader, writer) if first == b"\x05" else self._http(first, reader, writer))

    async def _http(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = first + await reader.readuntil(b"\r\n\r\n")
            except asyncio.LimitOverrunError:
                return
            first = b""
            lines = head.decode("latin-1").split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            if self.user is None or fields.get("proxy-authorization") == self._expected:
                break
            self.refused += 1
            answer = 'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n'
            writer.write(answer.encode())
            await writer.drain()
        method, target, version = lines[0].split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            await self._relay(host, int(port), reader, writer, answer=b"HTTP/1.1 200 OK\r\n\r\n")
            return
        parts = urlsplit(target)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kept = [line for line in lines[1:-2] if not line.lower().startswith(("proxy-", "connection:"))]
        request = "\r\n".join([f"{method} {path} {version}", *kept, "Connection: close", "", ""]).encode("latin-1")
        await self._relay(parts.hostname or "", parts.port or 80, reader, writer, request=request)

    @property
    def _expected(self) -> str:
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 1:
            host = ".".join(str(byte) for byte in await reader.readexactly(4))
        else:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        await self._relay(host, port, reader, writer, answer=b"\x05\x00\x00\x01" + bytes(6))

    async def _relay(
        self,
        host: str,
        port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answer: bytes = b"",
        request: bytes = b"",
    ) -> None:
        there, back = await asyncio.open_connection(host, port)
        self.passed.append(f"{host}:{port}")
        writer.write(answer)
        back.write(request)
        try:
            await asyncio.wait(
                [asyncio.ensure_future(_copy(reader, back)), asyncio.ensure_future(_copy(there, writer))],
                return_when=asyncio.ALL_COMPLETED if not request else asyncio.FIRST_COMPLETED,
            )
        finally:
            back.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.close()


@asynccontextmanager
async def counting_proxy(user: str | None = None, password: str = "") -> AsyncIterator[CountingProxy]:
    """Serve on a free port while the context lasts."""
    proxy = CountingProxy(user, password)
    async with stream_server(proxy.serve) as proxy.port:
        yield proxy
