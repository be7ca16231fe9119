"""Publishing: order, window; no message outlives its connection."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pytest

from bridge.broker import BrokerConnection, BrokerDown, BrokerRefused, connect
from tests.broker.conftest import Options, read
from tests.broker.relay import Relay
from tests.mosquitto_server import MosquittoServer


async def test_2000_pipelined_messages_arrive_in_call_order(options: Options, protocol: str) -> None:
    async with connect(options(protocol=protocol)) as reader, connect(options(protocol=protocol)) as sender:
        await reader.subscribe("wa/haby/in")
        async with asyncio.TaskGroup() as group:
            got = group.create_task(read(reader, 2000, within=30))
            for number in range(2000):
                group.create_task(sender.publish("wa/haby/in", str(number)))
    assert [int(delivery.payload) for delivery in got.result()] == list(range(2000))


async def test_a_message_of_megabytes_keeps_the_order(options: Options) -> None:
    payloads = [b"small", b"x" * 8_000_000, b"after"]
    async with connect(options()) as reader, connect(options()) as sender:
        await reader.subscribe("wa/haby/in")
        await asyncio.gather(*(sender.publish("wa/haby/in", payload) for payload in payloads))
        got = await read(reader, 3)
    assert [delivery.payload for delivery in got] == payloads


async def test_qos_0_is_delivered_too(options: Options) -> None:
    async with connect(options()) as connection:
        await connection.subscribe("wa/haby/control", qos=0)
        await connection.publish("wa/haby/control", "restart", qos=0)
        [delivery] = await read(connection, 1)
    assert (delivery.payload, delivery.qos, delivery.packet_id) == (b"restart", 0, 0)


async def test_a_message_of_a_dead_connection_is_not_sent_on_the_next(
    mosquitto: MosquittoServer, options: Options
) -> None:
    async with Relay(mosquitto.port) as relay, connect(options()) as reader:
        await reader.subscribe("wa/haby/out")
        mine = options(mosquitto.url(port=relay.port), client_id="sender", clean=False)
        async with connect(mine) as first:
            relay.freeze()
            async with asyncio.TaskGroup() as group:
                # More than the window: some wait in ours, some in the library's, some in the socket's.
                stale = [
                    group.create_task(self_reporting(first.publish("wa/haby/out", f"stale {number}")))
                    for number in range(60)
                ]
                await asyncio.sleep(0.05)
                relay.cut()
            with pytest.raises(BrokerDown):
                await first.publish("wa/haby/out", "stale too")
        relay.thaw()
        async with connect(mine) as second:
            await second.publish("wa/haby/out", "fresh")
        [delivery] = await read(reader, 1)
    assert delivery.payload == b"fresh"
    assert all(isinstance(task.result(), BrokerDown) for task in stale)


async def self_reporting(publishing: object) -> BaseException | None:
    try:
        await publishing  # type: ignore[misc]
    except BrokerDown as error:
        return error
    return None


async def test_a_missing_puback_ends_the_connection(mosquitto: MosquittoServer, options: Options) -> None:
    async with Relay(mosquitto.port) as relay:
        mine = options(mosquitto.url(port=relay.port), acknowledge_timeout=0.2)
        async with connect(mine) as connection:
            relay.freeze()
            with pytest.raises(BrokerDown, match="not acknowledged a message"):
                await connection.publish("wa/haby/in", "x")
            with pytest.raises(BrokerDown):
                await connection.subscribe("wa/haby/in")


async def test_a_denied_publish_is_reported_on_mqtt_5_only(mosquitto: MosquittoServer, options: Options) -> None:
    async with connect(options(mosquitto.url("reader"), protocol="5")) as reader:
        with pytest.raises(BrokerRefused, match="to wa/haby/out: Not authorized"):
            await reader.publish("wa/haby/out", "x")
    async with connect(options(mosquitto.url("reader"))) as reader:
        await reader.publish("wa/haby/out", "x")  # acknowledged and discarded


async def test_a_cancelled_publish_leaves_the_connection_usable(mosquitto: MosquittoServer, options: Options) -> None:
    async with Relay(mosquitto.port) as relay, connect(options(mosquitto.url(port=relay.port))) as connection:
        relay.freeze()
        publishing = [asyncio.create_task(connection.publish("wa/haby/in", "x")) for _ in range(30)]
        await asyncio.sleep(0)
        for task in publishing:
            task.cancel()
        await asyncio.gather(*publishing, return_exceptions=True)
        relay.thaw()
        await asyncio.gather(*(connection.publish("wa/haby/in", "y") for _ in range(30)))


async def test_a_connection_that_breaks_while_it_writes_ends_quietly(
    mosquitto: MosquittoServer, options: Options
) -> None:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    async def flood(connection: BrokerConnection) -> None:
        with contextlib.suppress(BrokerDown):
            while True:
                await connection.publish("wa/haby/in", b"x" * 3000)

    async with Relay(mosquitto.port) as relay:
        for turn in range(60):  # the bug showed at one break in thirteen
            async with connect(options(mosquitto.url(port=relay.port))) as connection, asyncio.TaskGroup() as group:
                for _ in range(30):
                    group.create_task(flood(connection))
                for _ in range(turn % 12):
                    await connection.publish("wa/haby/in", b"x" * 200_000)
                relay.cut()
    assert faults == []


async def test_an_answer_beside_a_puback_waits_for_no_delayed_ack(options: Options, protocol: str) -> None:
    """A command's PUBACK and its result are two packets: with Nagle's algorithm the second took 40 ms (measured)."""
    times: list[float] = []
    async with (
        connect(options(protocol=protocol)) as server,
        connect(options(protocol=protocol)) as client,
    ):
        await server.subscribe("wa/haby/out")
        await client.subscribe("wa/haby/result")
        for number in range(10):
            began = time.perf_counter()
            await client.publish("wa/haby/out", str(number))
            [question] = await read(server, 1)
            await server.publish("wa/haby/result", question.payload)
            await read(client, 1)
            times.append(time.perf_counter() - began)
    assert sorted(times)[2] < 0.03  # a busy machine delays some, the ACK all
