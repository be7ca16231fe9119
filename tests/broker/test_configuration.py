"""The configuration in mosquitto/: what it keeps when the broker is restarted or killed.

Who may do what is tested in tests/ops/mosquitto.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

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


async def test_a_kill_loses_nothing_that_is_older_than_the_last_save(
    mosquitto: MosquittoServer, options: Options
) -> None:
    mine = options(client_id="reader", clean=False)
    async with connect(mine) as reader:
        await reader.subscribe("wa/haby/in")
    async with connect(options()) as bridge:
        await asyncio.gather(*(bridge.publish("wa/haby/in", str(number)) for number in range(500)))
    published = time.time_ns()
    # the documented limit, and a second for a busy machine
    await asyncio.to_thread(_wait_for_save, mosquitto.directory / "mosquitto.db", after=published, within=7)
    mosquitto.kill()
    mosquitto.start()
    async with connect(mine) as reader:
        assert [int(item.payload) for item in await read(reader, 500, within=20)] == list(range(500))


def _wait_for_save(database: Path, *, after: int, within: float) -> None:
    deadline = time.monotonic() + within
    while not database.exists() or database.stat().st_mtime_ns < after:
        assert time.monotonic() < deadline, "mosquitto did not save"
        time.sleep(0.05)


def test_an_option_that_the_shipped_file_does_not_contain_once_fails() -> None:
    with pytest.raises(ValueError, match="unpack"):
        shipped_configuration({"no_such_option": "1"})
