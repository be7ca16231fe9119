"""A real mosquitto for each test, and the helpers that every test uses."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.broker import BrokerConnection, BrokerOptions, Delivery, parse_addresses
from tests.mosquitto_server import MosquittoServer

Options = Callable[..., BrokerOptions]


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture(params=["3.1.1", "5"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def options(mosquitto: MosquittoServer) -> Options:
    """Options for this test's broker; a new client id per call unless `client_id` is given."""

    def make(url: str | None = None, **changes: Any) -> BrokerOptions:
        given = {"client_id": f"test-{uuid.uuid4().hex[:12]}", "clean": True, "connect_timeout": 5.0, **changes}
        return BrokerOptions(parse_addresses(url or mosquitto.url()), **given)

    return make


async def read(
    connection: BrokerConnection, count: int, *, acknowledge: bool = True, within: float = 10
) -> list[Delivery]:
    got: list[Delivery] = []
    async with asyncio.timeout(within):
        async for delivery in connection.deliveries():
            got.append(delivery)
            if acknowledge:
                connection.acknowledge(delivery)
            if len(got) == count:
                break
    return got
