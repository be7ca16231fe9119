"""Child process: many MQTT subscribers on bare sockets, so that the broker is measured and not a client library.

    python -m bench.curves.subscribers_program URL FILTER SUBSCRIBERS MESSAGES

Prints how many are subscribed, again and again until all are: the broker spends 13 ms of CPU or more on a password.
Then it prints for each message a list of the unix seconds at which the subscribers had it, in their order
of arrival. Each acknowledges at QoS 1, as a real subscriber does.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from urllib.parse import urlsplit

from bench.stage import say

_CONNECT, _PUBLISH, _PUBACK, _SUBSCRIBE = 0x10, 3, b"\x40\x02", 0x82
#: MQTT 3.1.1; user name, password, clean session.
_LEVEL, _FLAGS = 4, 0xC2
#: Connections that are made at once; the broker's backlog is 100.
_AT_ONCE = 50


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("!H", len(encoded)) + encoded


def packet(kind: int, body: bytes) -> bytes:
    """A packet with the variable length of `body`."""
    length, rest = b"", len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([kind]) + length + body


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The first byte of the next packet, and its body."""
    kind, length, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if digit < 0x80:
            return kind, await reader.readexactly(length)


async def _subscribe(url: str, topic_filter: str, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    credentials = _text(f"curve-{number}") + _text(address.username or "") + _text(address.password or "")
    writer.write(packet(_CONNECT, _text("MQTT") + struct.pack("!BBH", _LEVEL, _FLAGS, 0) + credentials))
    await read_packet(reader)  # CONNACK
    writer.write(packet(_SUBSCRIBE, struct.pack("!H", 1) + _text(topic_filter) + b"\x01"))
    _, answer = await read_packet(reader)
    if answer[-1] != 1:
        raise AssertionError("the broker did not grant QoS 1")
    return reader, writer


async def _receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, arrived: list[list[float]]) -> None:
    for times in arrived:
        kind, body = await read_packet(reader)
        if kind >> 4 != _PUBLISH:
            raise AssertionError(f"unexpected packet {kind}")
        times.append(time.time())
        topic_length = int.from_bytes(body[:2], "big")
        writer.write(_PUBACK + body[2 + topic_length : 4 + topic_length])


async def main() -> None:
    url, topic_filter, subscribers, messages = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    ends: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    for first in range(0, subscribers, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, subscribers))
        ends += await asyncio.gather(*(_subscribe(url, topic_filter, number) for number in numbers))
        say(len(ends))
    arrived: list[list[float]] = [[] for _ in range(messages)]
    await asyncio.gather(*(_receive(reader, writer, arrived) for reader, writer in ends))
    say(arrived)


if __name__ == "__main__":
    asyncio.run(main())
