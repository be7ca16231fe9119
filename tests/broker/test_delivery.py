"""No message is lost before it is acknowledged: redelivery, order of PUBACKs, a full inbound queue."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.broker import BrokerConnection, BrokerDown, connect, keep_connected
from tests.broker.conftest import Options, read
from tests.broker.relay import Relay
from tests.mosquitto_server import MosquittoServer

ROOT = Path(__file__).parent.parent.parent


class ReaderProcess:
    """`reader_program.py` running; always killed at the end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            return dict(json.loads(await self._process.stdout.readline()))

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def reader_process(*arguments: str) -> AsyncIterator[ReaderProcess]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.broker.reader_program",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    reader = ReaderProcess(process)
    try:
        yield reader
    finally:
        await reader.kill()


async def test_unacknowledged_messages_of_a_killed_reader_are_redelivered(
    mosquitto: MosquittoServer, options: Options, protocol: str
) -> None:
    async with reader_process(mosquitto.url(), "r", protocol, "wa/haby/out") as reader:
        await reader.next()
        async with connect(options()) as sender:
            for number in range(3):
                await sender.publish("wa/haby/out", str(number))
        assert [(await reader.next())["payload"] for _ in range(3)] == ["0", "1", "2"]
        await reader.kill()
    async with connect(options(client_id="r", clean=False, protocol=protocol)) as connection:
        assert connection.session_present
        again = await read(connection, 3)
    assert [(delivery.payload, delivery.dup) for delivery in again] == [(b"0", True), (b"1", True), (b"2", True)]


async def test_acknowledged_messages_are_not_redelivered(
    mosquitto: MosquittoServer, options: Options, protocol: str
) -> None:
    mine = {"client_id": "r", "clean": False, "protocol": protocol}
    async with Relay(mosquitto.port) as relay, connect(options(mosquitto.url(port=relay.port), **mine)) as connection:
        await connection.subscribe("wa/haby/out")
        for number in range(3):
            await connection.publish("wa/haby/out", str(number))
        first, second, _ = await read(connection, 3, acknowledge=False)
        connection.acknowledge(first)
        connection.acknowledge(second)
        # Once this is acknowledged the broker has read the PUBACKs before it.
        await connection.publish("wa/haby/in", "x")
        relay.cut()
    async with connect(options(**mine)) as connection:
        assert [(item.payload, item.dup) for item in await read(connection, 1)] == [(b"2", True)]


async def test_acknowledgements_are_sent_in_order_of_arrival(mosquitto: MosquittoServer, options: Options) -> None:
    mine = options(client_id="r", clean=False)
    async with connect(mine) as connection:
        await connection.subscribe("wa/haby/out")
        for number in range(3):
            await connection.publish("wa/haby/out", str(number))
        _, second, third = await read(connection, 3, acknowledge=False)
        connection.acknowledge(third)
        connection.acknowledge(second)
        connection.acknowledge(second)
    async with connect(mine) as connection:
        held_back = await read(connection, 3, acknowledge=False)
        assert third.packet_id in {delivery.packet_id for delivery in held_back}
        connection.acknowledge(third)  # of the previous connection: its packet id means another message here
        connection.acknowledge(held_back[1])
        connection.acknowledge(held_back[0])
    assert [delivery.payload for delivery in held_back] == [b"0", b"1", b"2"]
    async with connect(mine) as connection:
        assert [(item.payload, item.dup) for item in await read(connection, 1)] == [(b"2", True)]


async def test_messages_above_the_queue_limit_are_delivered_later(options: Options, protocol: str) -> None:
    mine = options(client_id="r", clean=False, inbound_limit=5, protocol=protocol)
    async with connect(mine) as connection:
        await connection.subscribe("wa/haby/out")
    async with connect(options()) as sender:
        await asyncio.gather(*(sender.publish("wa/haby/out", str(number)) for number in range(200)))
    got: list[str] = []
    overflows: list[str] = []

    async def use(connection: BrokerConnection) -> None:
        async for delivery in connection.deliveries():
            await asyncio.sleep(0.001)  # slower than they arrive
            got.append(delivery.payload.decode())
            connection.acknowledge(delivery)
            if len(set(got)) == 200:
                return

    async with asyncio.timeout(30):
        await keep_connected(mine, use, on_down=lambda error, _: overflows.append(str(error)), random=lambda: 0.0)
    assert sorted(set(got), key=int) == [str(number) for number in range(200)]
    assert {text for text in overflows if "queue is full" in text} == set(overflows) != set()


async def test_a_quick_sender_ends_no_connection(options: Options) -> None:
    """Mosquitto then sends far more than its window without waiting for PUBACKs."""
    async with connect(options(client_id="r", clean=False)) as connection:
        await connection.subscribe("wa/haby/out")
        async with connect(options()) as sender:
            sending = asyncio.gather(*(sender.publish("wa/haby/out", str(number)) for number in range(5000)))
            got = []
            async for delivery in connection.deliveries():
                got.append(delivery.payload.decode())
                connection.acknowledge(delivery)
                if len(got) % 20 == 0:
                    await asyncio.sleep(0.002)  # a commit
                if len(got) == 5000:
                    break
            await sending
    assert got == [str(number) for number in range(5000)]


async def test_unread_deliveries_have_a_limit_in_bytes_too(options: Options) -> None:
    mine = options(client_id="r", clean=False, inbound_bytes=1000)
    async with connect(mine) as connection:
        await connection.subscribe("wa/haby/out")
        async with connect(options()) as sender:
            await asyncio.gather(*(sender.publish("wa/haby/out", "x" * 400) for _ in range(10)))
        await asyncio.sleep(0.1)
        with pytest.raises(BrokerDown, match="queue is full"):
            await read(connection, 10, acknowledge=False)


async def test_deliveries_end_when_the_connection_does(mosquitto: MosquittoServer, options: Options) -> None:
    async with Relay(mosquitto.port) as relay, connect(options(mosquitto.url(port=relay.port))) as connection:
        await connection.subscribe("wa/haby/out")
        waiting = asyncio.create_task(read(connection, 1))
        await asyncio.sleep(0)
        relay.cut()
        with pytest.raises(BrokerDown):
            await waiting
        with pytest.raises(BrokerDown):
            await connection.down()


async def test_a_silent_broker_is_detected_by_keepalive(mosquitto: MosquittoServer, options: Options) -> None:
    async with (
        Relay(mosquitto.port) as relay,
        connect(options(mosquitto.url(port=relay.port), keepalive=1)) as connection,
    ):
        relay.freeze()
        with pytest.raises(BrokerDown):
            await read(connection, 1)


async def test_retained_flag_and_response_topic_are_passed_on(options: Options) -> None:
    async with connect(options(protocol="5")) as connection:
        await connection.publish("wa/haby/status", "on", retain=True)
        await connection.subscribe("wa/haby/#")
        [retained] = await read(connection, 1)
        await connection.publish(
            "wa/haby/out", "hola", response_topic="wa/haby/reply/me", correlation_data=b"\x00\xff", expiry=60
        )
        [command] = await read(connection, 1)
    assert (retained.retain, retained.response_topic, retained.correlation_data) == (True, None, None)
    assert (command.retain, command.response_topic, command.correlation_data) == (
        False,
        "wa/haby/reply/me",
        b"\x00\xff",
    )


async def test_the_message_after_one_over_the_limit_arrives(tmp_path: Path, options: Options, protocol: str) -> None:
    """A broker with a higher limit takes 20 MB from anyone, and would deliver them again and again."""
    with MosquittoServer(tmp_path / "mosquitto", extra="max_packet_size 100000000\n") as server:
        mine = options(server.url(), client_id="r", clean=False, protocol=protocol)
        async with connect(mine) as reader, connect(options(server.url())) as sender:
            await reader.subscribe("wa/haby/out")
            await sender.publish("wa/haby/out", b"x" * 20_000_000)
            await sender.publish("wa/haby/out", "after")
            cut, after = await read(reader, 2)
        assert (2**24 - len(cut.payload) < 20, set(cut.payload), after.payload) == (True, {ord("x")}, b"after")
        async with connect(mine) as reader, connect(options(server.url())) as sender:
            await sender.publish("wa/haby/out", "next")
            assert [one.payload for one in await read(reader, 1)] == [b"next"]
