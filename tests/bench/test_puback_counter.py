"""The relay that counts PUBACKs: connections that are cut, or still open at its end, are no errors."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path
from typing import Any

from bench.puback_counter import PubackCounter
from bridge.broker import BrokerOptions, connect, parse_addresses
from tests.mosquitto_server import MosquittoServer, free_port

RESET = struct.pack("ii", 1, 0)


async def test_it_counts_the_pubacks_and_ends_without_an_error(tmp_path: Path) -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    with MosquittoServer(tmp_path / "mosquitto") as broker:
        counter = PubackCounter(broker.port)
        async with counter.listening(), asyncio.timeout(20):
            options = BrokerOptions(
                parse_addresses(broker.url("admin", port=counter.port)), client_id="reader", clean=True
            )
            async with connect(options) as reader:
                await reader.subscribe("wa/haby/in")
                done = counter.begin(2)
                for body in ("1", "2"):
                    await _publish(broker, body)
                deliveries = reader.deliveries()
                for _ in range(2):
                    reader.acknowledge(await anext(deliveries))
                await done
            with socket.create_connection(("127.0.0.1", counter.port)) as cut:
                await asyncio.sleep(0)
                cut.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            _, still_open = await asyncio.open_connection("127.0.0.1", counter.port)
            still_open.write(b"\x10")
            await still_open.drain()
    still_open.close()
    without_a_broker = PubackCounter(free_port())
    async with without_a_broker.listening():
        refused, writer = await asyncio.open_connection("127.0.0.1", without_a_broker.port)
        assert await refused.read() == b""
        writer.close()
    assert errors == []


async def _publish(broker: MosquittoServer, body: str) -> None:
    options = BrokerOptions(parse_addresses(broker.url("bridge")), client_id="writer", clean=True)
    async with connect(options) as connection:
        await connection.publish("wa/haby/in", body)
