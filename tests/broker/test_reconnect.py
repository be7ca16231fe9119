"""`keep_connected`: reconnects after every kind of end, with growing pauses; raises every other error."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bridge.broker import RECONNECT, BrokerConnection, BrokerDown, BrokerError, BrokerRefused, keep_connected
from bridge.contract.backoff import Backoff
from tests.broker.conftest import Options, read
from tests.mosquitto_server import MosquittoServer, free_port


def highest() -> float:
    return 1.0


def test_pauses_double_up_to_the_limit() -> None:
    pauses = [RECONNECT.pause(failures, 1.0) for failures in range(1, 10)]
    assert pauses == [0.5, 1, 2, 4, 8, 8, 8, 8, 8]
    assert RECONNECT.pause(10_000, 1.0) == 8


def test_pauses_are_drawn_from_the_whole_range() -> None:
    assert RECONNECT.pause(3, 0.0) == 0


async def test_reconnects_to_a_restarted_broker(mosquitto: MosquittoServer, options: Options) -> None:
    mine = options(client_id="bridge", clean=False)
    downs: list[tuple[BrokerError, float]] = []
    connections: list[BrokerConnection] = []

    async def use(connection: BrokerConnection) -> None:
        connections.append(connection)
        await connection.subscribe("wa/haby/out")
        if len(connections) == 1:
            mosquitto.kill()
        await connection.publish("wa/haby/out", "hola")
        assert (await read(connection, 1))[0].payload == b"hola"

    def on_down(error: BrokerError, pause: float) -> None:
        downs.append((error, pause))
        if len(downs) == 2:
            mosquitto.start()

    async with asyncio.timeout(20):
        await keep_connected(mine, use, on_down=on_down, backoff=Backoff(0.01, 0.05, jitter=1.0), random=highest)
    assert len(connections) == 2
    assert [isinstance(error, BrokerDown) for error, _ in downs] == [True, True]
    assert [pause for _, pause in downs] == [0.01, 0.02]


async def test_a_long_connection_resets_the_pauses(mosquitto: MosquittoServer, options: Options) -> None:
    pauses: list[float] = []

    async def use(connection: BrokerConnection) -> None:
        if len(pauses) == 3:
            return
        await asyncio.sleep(0.06 if len(pauses) == 2 else 0)
        raise BrokerDown("lost")

    await keep_connected(
        options(),
        use,
        on_down=lambda _, pause: pauses.append(pause),
        backoff=replace(RECONNECT, first=0.001, reset_after=0.05),
        random=highest,
    )
    assert pauses == [0.001, 0.002, 0.001]


async def test_a_refusal_is_reported_and_retried(mosquitto: MosquittoServer, options: Options) -> None:
    right, reported = mosquitto.passwords["bridge"], []
    mine = options()
    mosquitto.stop()
    mosquitto.passwords["bridge"] = "other"
    mosquitto.start()

    async def on_down(error: BrokerError, pause: float) -> None:
        reported.append(type(error))
        mosquitto.stop()
        mosquitto.passwords["bridge"] = right
        mosquitto.start()

    async def use(connection: BrokerConnection) -> None:
        await connection.publish("wa/haby/in", "x")

    await keep_connected(mine, use, on_down=on_down, random=lambda: 0.0)
    assert reported == [BrokerRefused]


async def test_on_down_can_end_it(options: Options) -> None:
    def on_down(error: BrokerError, pause: float) -> None:
        raise error

    async def never(connection: BrokerConnection) -> None:
        raise AssertionError

    with pytest.raises(BrokerDown):
        await keep_connected(options(f"mqtt://127.0.0.1:{free_port()}"), never, on_down=on_down)


async def test_a_group_of_only_broker_errors_means_the_connection_ended(options: Options) -> None:
    runs = 0

    async def use(connection: BrokerConnection) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            async with asyncio.TaskGroup() as group:
                group.create_task(failing(BrokerDown("one")))
                group.create_task(failing(BrokerDown("two")))

    await keep_connected(options(), use, random=lambda: 0.0)
    assert runs == 2


async def test_another_error_beside_a_lost_connection_is_raised(options: Options) -> None:
    async def use(connection: BrokerConnection) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing(BrokerDown("one")))
            group.create_task(failing(ZeroDivisionError()))

    with pytest.raises(ExceptionGroup) as raised:
        await keep_connected(options(), use)
    assert raised.group_contains(ZeroDivisionError)


async def failing(error: Exception) -> None:
    raise error
