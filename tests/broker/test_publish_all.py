"""`publish_all`: the same order, window and failures as single publishes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.broker import BrokerDown, BrokerOptions, Publication, client, connect, parse_addresses
from bridge.broker.client import WINDOW
from bridge.broker.readahead import ReadAhead
from tests.broker.conftest import Options, read
from tests.broker.relay import Relay
from tests.mosquitto_server import MosquittoServer

TOPIC = "wa/haby/in"


async def test_all_arrive_in_order_among_other_messages(options: Options, protocol: str) -> None:
    async with connect(options(protocol=protocol)) as reader, connect(options(protocol=protocol)) as sender:
        await reader.subscribe("wa/haby/#")
        async with asyncio.TaskGroup() as group:
            got = group.create_task(read(reader, 1100, within=30))
            group.create_task(sender.publish_all(Publication(TOPIC, str(number)) for number in range(1000)))
            for number in range(100):
                group.create_task(sender.publish("wa/haby/ack", str(number)))
    for topic, count in ((TOPIC, 1000), ("wa/haby/ack", 100)):
        assert [int(one.payload) for one in got.result() if one.topic == topic] == list(range(count))


async def test_an_empty_list_returns_at_once(options: Options) -> None:
    async with connect(options()) as connection:
        await connection.publish_all([])


async def test_it_returns_after_the_last_acknowledgement(mosquitto: MosquittoServer, options: Options) -> None:
    async with (
        Relay(mosquitto.port) as relay,
        connect(options(mosquitto.url(port=relay.port))) as sender,
        asyncio.TaskGroup() as group,
    ):
        relay.freeze()
        publishing = group.create_task(sender.publish_all(Publication(TOPIC, str(number)) for number in range(10)))
        done, _ = await asyncio.wait([publishing], timeout=0.2)
        assert not done
        relay.thaw()
        await publishing


async def test_a_broken_connection_is_reported_and_leaves_the_window_free(
    mosquitto: MosquittoServer, options: Options
) -> None:
    async with Relay(mosquitto.port) as relay, connect(options(mosquitto.url(port=relay.port))) as sender:
        relay.freeze()
        publishing = asyncio.create_task(sender.publish_all(Publication(TOPIC, str(number)) for number in range(100)))
        await asyncio.sleep(0.05)
        relay.cut()
        with pytest.raises(BrokerDown):
            await publishing
        for _ in range(30):  # more than the window: each is refused, none waits for a slot
            with pytest.raises(BrokerDown):
                async with asyncio.timeout(5):
                    await sender.publish(TOPIC, "late")


async def test_a_silent_broker_ends_the_connection(mosquitto: MosquittoServer, options: Options) -> None:
    async with Relay(mosquitto.port) as relay:
        mine = options(mosquitto.url(port=relay.port), acknowledge_timeout=0.2)
        async with connect(mine) as sender:
            relay.freeze()
            with pytest.raises(BrokerDown, match=r"not acknowledged a message for 0\.2 s"):
                await sender.publish_all(Publication(TOPIC, str(number)) for number in range(100))


async def test_a_cancelled_call_leaves_the_window_free(mosquitto: MosquittoServer, options: Options) -> None:
    async with Relay(mosquitto.port) as relay, connect(options(mosquitto.url(port=relay.port))) as sender:
        relay.freeze()
        publishing = asyncio.create_task(sender.publish_all(Publication(TOPIC, str(number)) for number in range(100)))
        await asyncio.sleep(0.05)
        publishing.cancel()
        await asyncio.wait([publishing])
        relay.thaw()
        async with asyncio.timeout(5):
            await asyncio.gather(*(sender.publish(TOPIC, str(number)) for number in range(40)))


@pytest.mark.parametrize(("size", "most"), [(10, 1), (client.JOINED // 8, 20)])
async def test_small_messages_of_a_window_are_written_together(
    options: Options, protocol: str, size: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []

    class CountingSocket(ReadAhead):
        def send(self, data: bytes) -> int:
            writes.append(len(data))
            return int(self._sock.send(data))

    monkeypatch.setattr(client, "ReadAhead", CountingSocket)
    async with connect(options(protocol=protocol)) as reader, connect(options(protocol=protocol)) as sender:
        await reader.subscribe(TOPIC)
        writes.clear()
        await sender.publish_all(Publication(TOPIC, f"{number:{size}}") for number in range(WINDOW))
        assert [int(one.payload) for one in await read(reader, WINDOW, within=30)] == list(range(WINDOW))
        # not the reader's PUBACKs, which may go out together, too
        publishes = [written for written in writes if written > 4 * WINDOW]
        assert sum(publishes) >= WINDOW * size
        assert len(publishes) == most


async def test_no_more_are_in_flight_than_an_mqtt_5_broker_takes(tmp_path: Path) -> None:
    """Mosquitto announces its `max_inflight_messages`; others end the connection of a client that exceeds it."""
    with MosquittoServer(tmp_path / "mosquitto", extra="max_inflight_messages 5\n") as server:
        async with Relay(server.port) as relay:
            addresses = parse_addresses(server.url(port=relay.port))
            async with connect(BrokerOptions(addresses, client_id="x", clean=True, protocol="5")) as connection:
                relay.freeze()
                all_of_them = (Publication(TOPIC, str(number)) for number in range(WINDOW))
                publishing = asyncio.create_task(connection.publish_all(all_of_them))
                one = asyncio.create_task(connection.publish(TOPIC, "one"))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert len(connection._client._unanswered) == 5
                relay.thaw()
                await asyncio.gather(publishing, one)
