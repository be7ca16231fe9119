"""A refused subscription: forbidden, or of a cluster that is not ready. Real brokers refuse at no chosen moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.broker import BrokerOptions, BrokerRefused, connect, parse_addresses
from bridge.broker.endings import ConnectionEndings
from tests.stream_server import stream_server

GRANTED, REFUSED = b"\x01", b"\x80"


@asynccontextmanager
async def answering(*codes: bytes, after: float = 0.0) -> AsyncIterator[BrokerOptions]:
    """Accepts connections and answers each SUBSCRIBE with the next code, `after` seconds."""
    left = list(codes)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(2):  # every packet here is shorter than 128 bytes
            body = await reader.readexactly(head[1])
            if head[0] == 0x10:
                writer.write(b"\x20\x02\x00\x00")
            elif head[0] == 0x82:
                await asyncio.sleep(after)
                writer.write(b"\x90\x03" + body[:2] + left.pop(0))

    async with stream_server(serve) as port:
        yield BrokerOptions(parse_addresses(f"mqtt://127.0.0.1:{port}"), "test", clean=True)
    assert left == []


async def test_a_refusal_at_once_is_believed() -> None:
    async with answering(REFUSED) as options, connect(options) as connection:
        with pytest.raises(BrokerRefused, match="does not allow this user to subscribe to wa/haby/in"):
            await connection.subscribe("wa/haby/in")


async def test_what_was_granted_before_is_tried_again() -> None:
    endings = ConnectionEndings("test")
    async with answering(GRANTED, REFUSED, GRANTED) as options:
        for _ in range(2):
            async with connect(options, endings=endings) as connection:
                await connection.subscribe("wa/haby/in")


async def test_a_refusal_after_a_time_out_of_the_broker_is_tried_again() -> None:
    async with answering(REFUSED, GRANTED, after=2.1) as options, connect(options) as connection:
        await connection.subscribe("wa/haby/in")
