"""The will: published when the client is killed or cut off, never after a clean disconnect."""

from __future__ import annotations

import asyncio

from bridge.broker import BrokerConnection, Will, connect, keep_connected
from tests.broker.conftest import Options, read
from tests.broker.relay import Relay
from tests.broker.test_delivery import reader_process
from tests.mosquitto_server import MosquittoServer

TOPIC = "wa/haby/status"


async def test_the_will_of_a_killed_client_is_published(
    mosquitto: MosquittoServer, options: Options, protocol: str
) -> None:
    async with connect(options()) as watcher:
        await watcher.subscribe(TOPIC)
        async with reader_process(mosquitto.url(), "r", protocol, "wa/haby/out") as reader:
            await reader.next()
            await reader.kill()
        [will] = await read(watcher, 1)
    assert (will.payload, will.retain) == (b"offline", False)


async def test_the_will_of_a_cut_connection_is_retained(mosquitto: MosquittoServer, options: Options) -> None:
    async with Relay(mosquitto.port) as relay:
        mine = options(mosquitto.url(port=relay.port), will=Will(TOPIC, b"offline"))
        async with connect(options()) as watcher, connect(mine) as connection:
            await watcher.subscribe(TOPIC)
            await connection.publish(TOPIC, "on", retain=True)
            relay.cut()
            assert [item.payload for item in await read(watcher, 2)] == [b"on", b"offline"]
    async with connect(options()) as late:
        await late.subscribe(TOPIC)
        [kept] = await read(late, 1)
    assert (kept.payload, kept.retain) == (b"offline", True)


async def test_a_clean_disconnect_discards_the_will(options: Options, protocol: str) -> None:
    async with connect(options()) as watcher:
        await watcher.subscribe(TOPIC)
        async with connect(options(will=Will(TOPIC, b"offline"), protocol=protocol)) as connection:
            await connection.publish(TOPIC, "stopped")
        await watcher.publish(TOPIC, "after")
        assert [item.payload for item in await read(watcher, 2)] == [b"stopped", b"after"]


async def test_cancelling_disconnects_cleanly(options: Options) -> None:
    connected = asyncio.Event()

    async def use(connection: BrokerConnection) -> None:
        connected.set()
        await connection.down()

    async with connect(options()) as watcher:
        await watcher.subscribe(TOPIC)
        keeping = asyncio.create_task(keep_connected(options(will=Will(TOPIC, b"offline")), use))
        await connected.wait()
        keeping.cancel()
        await asyncio.wait([keeping])
        assert keeping.cancelled()
        await watcher.publish(TOPIC, "after")
        assert [item.payload for item in await read(watcher, 1)] == [b"after"]
