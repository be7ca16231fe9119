"""A relay before a broker that refuses messages and subscriptions of MQTT 5, for reasons that mosquitto never has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tests.stream_server import stream_server

#: Topic and payload of a PUBLISH, or the first filter of a SUBSCRIBE and no payload -> reason code with which it is
#: refused, or None to let it through.
Refusal = Callable[[str, bytes], int | None]


@asynccontextmanager
async def refusing_relay(target: int, refusal: Refusal) -> AsyncIterator[int]:
    """Yields its port on loopback. What it refuses never reaches the broker."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", target)

        async def answers() -> None:
            with suppress(ConnectionError):
                while chunk := await there.read(65536):
                    writer.write(chunk)
            writer.transport.abort()

        answering = asyncio.create_task(answers(), name="answers of the broker")
        try:
            while True:
                head, body = await _packet(reader)
                refused = _refused(head[0], body, refusal)
                if refused is None:
                    back.write(head + body)
                else:
                    writer.write(refused)
        finally:
            back.transport.abort()
            await asyncio.wait([answering])

    async with stream_server(serve) as port:
        yield port


async def _packet(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head, length, shift = await reader.readexactly(1), 0, 0
    while True:
        byte = await reader.readexactly(1)
        head += byte
        length |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return head, await reader.readexactly(length)
        shift += 7


def _refused(first: int, body: bytes, refusal: Refusal) -> bytes | None:
    """The PUBACK or SUBACK that refuses this packet, if it is refused. The length of properties is below 128."""
    if first == 0x82:
        filters, at = [], 3 + body[2]
        while at < len(body):
            end = at + 2 + int.from_bytes(body[at : at + 2])
            filters.append(body[at + 2 : end].decode())
            at = end + 1
        code = refusal(filters[0], b"")
        return None if code is None else bytes([0x90, 3 + len(filters), *body[:2], 0, *[code] * len(filters)])
    if first & 0xF6 != 0x32:
        return None
    end = 2 + int.from_bytes(body[:2])
    properties = end + 2
    code = refusal(body[2:end].decode(), body[properties + 1 + body[properties] :])
    return None if code is None else b"\x40\x03" + body[end : end + 2] + bytes([code])
