"""What the ends of connections say: a packet above the broker's limit, or a second client with the same id."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from bridge.broker import BrokerConnection, BrokerDown, PacketTooLarge, connect, keep_connected
from bridge.broker.endings import ENDS_FOR_A_LIMIT, QUICK, SMALLEST_LIMIT, ConnectionEndings
from bridge.contract.backoff import Backoff
from tests.broker.conftest import Options
from tests.mosquitto_server import MosquittoServer

AT_ONCE = Backoff(0.01, 0.01)


def test_the_same_large_packet_at_each_end_is_too_large() -> None:
    endings = ConnectionEndings("a")
    for _ in range(ENDS_FOR_A_LIMIT - 1):
        assert endings.ended(0.1, 240_000) is None
    assert "240,000" in str(endings.ended(0.1, 240_000))
    assert endings.packet_limit == 131_072


@pytest.mark.parametrize("sizes", [(240_000, 240_300), (240_000, 240_300, 250_000)])
def test_the_streams_of_a_client_may_end_it_in_turn(sizes: tuple[int, ...]) -> None:
    """Each stands at a large packet of its own; the one that is written first after a connect ends the connection."""
    endings = ConnectionEndings("a")
    reports = [endings.ended(0.1, sizes[number % len(sizes)]) for number in range(3 * len(sizes))]
    assert endings.packet_limit == 131_072
    assert any(reports)


@pytest.mark.parametrize(("largest", "limit"), [(131_072, 65_536), (131_073, 131_072), (4_097, 4_096), (4_096, 2_048)])
def test_the_limit_is_the_next_power_of_two_below_the_packet(largest: int, limit: int) -> None:
    endings = ConnectionEndings("a")
    for _ in range(ENDS_FOR_A_LIMIT):
        endings.ended(0.1, largest)
    assert endings.packet_limit == limit


def test_a_broker_that_was_down_and_other_packets_prove_nothing() -> None:
    endings = ConnectionEndings("a")
    for number in range(20):
        endings.ended(0.1, SMALLEST_LIMIT + number)
        endings.ended(0.1, 200_000)
        endings.ended(0.1, 200_000)
        endings.not_connected()
        endings.ended(QUICK + 1, 100)
    assert endings.packet_limit is None


def test_quick_ends_in_a_row_are_reported_once_and_after_each_hundred() -> None:
    endings = ConnectionEndings("wa-bridge-haby")
    reports = [endings.ended(4.0, 0) for _ in range(110)]
    assert [number for number, report in enumerate(reports, 1) if report] == [3, 103]
    assert "'wa-bridge-haby'" in str(reports[2])
    assert endings.ended(QUICK + 1, 0) is None
    assert [endings.ended(4.0, 0) is not None for _ in range(3)] == [False, False, True]


async def test_a_broker_of_mqtt_5_reports_its_limit(tmp_path: Path, options: Options) -> None:
    with MosquittoServer(tmp_path / "small", extra="max_packet_size 20000\n") as small:
        async with connect(options(small.url(), protocol="5")) as connection:
            assert connection.packet_limit == 20_000
            assert connection.takes("wa/haby/in", "x" * 19_000)
            assert not connection.takes("wa/haby/in", "ñ" * 10_000)
            with pytest.raises(PacketTooLarge):
                await connection.publish("wa/haby/in", "x" * 20_000)
            await connection.publish("wa/haby/in", "x" * 19_000)


async def test_the_limit_of_a_broker_of_mqtt_3_is_learnt(tmp_path: Path, options: Options) -> None:
    connections: list[BrokerConnection] = []
    with MosquittoServer(tmp_path / "small", extra="max_packet_size 131072\n") as small:

        async def use(connection: BrokerConnection) -> None:
            connections.append(connection)
            with pytest.raises(PacketTooLarge):
                await connection.publish("wa/haby/in", "x" * 240_000)
            await connection.publish("wa/haby/in", "x" * 131_000)

        async with asyncio.timeout(20):
            await keep_connected(options(small.url()), use, backoff=AT_ONCE)
    assert len(connections) == ENDS_FOR_A_LIMIT + 1


async def test_two_clients_with_one_id_are_reported(
    mosquitto: MosquittoServer, options: Options, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "bridge.broker")

    async def use(connection: BrokerConnection) -> None:
        await connection.down()

    pair = [
        asyncio.create_task(keep_connected(options(client_id="wa-instance-vm"), use, backoff=Backoff(0.05, 0.05)))
        for _ in range(2)
    ]
    async with asyncio.timeout(20):
        while "'wa-instance-vm'" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for one in pair:
        one.cancel()
    await asyncio.wait(pair)
    assert "Another client uses this id" in caplog.text


async def test_a_connection_that_this_side_ends_is_not_counted(mosquitto: MosquittoServer, options: Options) -> None:
    endings = ConnectionEndings("a")
    for _ in range(5):
        async with connect(options(), endings=endings) as connection:
            await connection.publish("wa/haby/in", "x" * 10_000)
    with pytest.raises(BrokerDown):
        async with connect(options(), endings=endings) as connection:
            raise BrokerDown("ours")
    assert endings.ended(1.0, 0) is None
