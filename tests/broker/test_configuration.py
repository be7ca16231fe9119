"""The configuration in mosquitto/: what it keeps when the broker is restarted or killed.

Who may do what is tested in tests/ops/mosquitto.
"""

from __future__ import annotations

import asyncio

import pytest

from bridge.broker import connect
from tests.broker.conftest import Options, read
from tests.mosquitto_server import MosquittoServer, shipped_configuration


async def test_messages_for_an_offline_reader_survive_a_clean_restart(
    mosquitto: MosquittoServer, options: Options
) -> None:
    mine = options(client_id="reader", clean=False)
    async with connect(mine) as reader:
        await reader.subscribe("wa/haby/in")
    async with connect(options()) as bridge:  # more than the 1000 that mosquitto queues by default
        await asyncio.gather(*(bridge.publish("wa/haby/in", str(number)) for number in range(1500)))
    mosquitto.restart()
    async with connect(mine) as reader:
        assert [int(item.payload) for item in await read(reader, 1500, within=20)] == list(range(1500))


async def test_at_most_the_last_ten_changes_are_lost_to_a_kill(mosquitto: MosquittoServer, options: Options) -> None:
    mine = options(client_id="reader", clean=False)
    async with connect(mine) as reader:
        await reader.subscribe("wa/haby/in")
    async with connect(options()) as bridge:
        for number in range(100):
            await bridge.publish("wa/haby/in", str(number))
    mosquitto.kill()
    mosquitto.start()
    async with connect(mine) as reader, connect(options()) as bridge:
        await bridge.publish("wa/haby/in", "end")
        kept: list[bytes] = []
        while b"end" not in kept:
            kept += [delivery.payload for delivery in await read(reader, 1)]
    assert kept[:90] == [str(number).encode() for number in range(90)]


def test_an_option_that_the_shipped_file_does_not_contain_once_fails() -> None:
    with pytest.raises(ValueError, match="unpack"):
        shipped_configuration({"no_such_option": "1"})
