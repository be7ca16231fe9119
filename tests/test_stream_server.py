"""The server of tests leaves nothing open, whenever it ends."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import suppress

import pytest

from tests.stream_server import stream_server


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"the end")


@pytest.mark.parametrize("turns", range(6))
async def test_every_connection_is_closed_at_the_end(turns: int) -> None:
    before = asyncio.all_tasks()
    async with stream_server(hang) as port:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        for _ in range(turns):
            await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    gc.collect()  # what is still open fails this test
    for client in clients:
        client.settimeout(1)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
        client.close()


async def test_a_client_that_goes_away_ends_its_own_connection_only() -> None:
    async with stream_server(hang) as port:
        _, brief = await asyncio.open_connection("127.0.0.1", port)
        reader, staying = await asyncio.open_connection("127.0.0.1", port)
        brief.close()
        await brief.wait_closed()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        staying.write(b"the end")
        assert await reader.read(1) == b""
        staying.close()
        await staying.wait_closed()
