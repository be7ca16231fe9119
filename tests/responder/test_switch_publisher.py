"""The switch of a client on its retained topic, for those without the table: shown, wished, followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from bridge.broker import BrokerConnection, BrokerOptions, connect, parse_addresses
from bridge.contract.bot import BotConfig
from bridge.contract.topics import Topics
from tests.mosquitto_server import MosquittoServer
from tests.responder.conftest import Whole

TOPICS = Topics()


@pytest.fixture
async def admin(broker: MosquittoServer) -> AsyncIterator[BrokerConnection]:
    async with connect(options(broker, "admin")) as connection:
        yield connection


def options(broker: MosquittoServer, name: str) -> BrokerOptions:
    return BrokerOptions(parse_addresses(broker.url("bridge")), client_id=f"test-{name}", clean=True)


async def configs(connection: BrokerConnection) -> AsyncIterator[tuple[bool, BotConfig]]:
    """What is retained, and each change; with whether it was retained."""
    await connection.subscribe(TOPICS.bot_config())
    async for delivery in connection.deliveries():
        connection.acknowledge(delivery)
        yield delivery.retain, BotConfig.model_validate_json(delivery.payload)


async def test_shown_wished_and_turned(whole: Whole, admin: BrokerConnection) -> None:
    responder = await whole.start()
    async with asyncio.timeout(20):
        told = configs(admin)
        _, first = await anext(told)
        assert (first.cliente_id, first.bot_activo) == (51, 1)
        for wish in (0, 0, 1):  # one that changes nothing is confirmed as well: somebody waits for it
            await admin.publish(TOPICS.bot_switch(51), json.dumps({"bot_activo": wish}))
            assert (await anext(told))[1].bot_activo == wish
            assert (await responder.switches.client(51)).active is bool(wish)
        await admin.publish(TOPICS.bot_switch(51), b'{"bot_activo": 5}')
        await admin.publish(TOPICS.bot_switch(51), b"nonsense")
        await admin.publish(TOPICS.bot_switch(52), b'{"bot_activo": 0}')
        other = (await anext(told))[1]
        assert (other.cliente_id, other.bot_activo) == (52, 0)
        assert await whole.rows("SELECT cliente_id, bot_activo FROM ll_bot_config ORDER BY cliente_id") == [
            (51, 1),
            (52, 0),
        ]


async def test_it_outlives_the_responder(whole: Whole, broker: MosquittoServer) -> None:
    responder = await whole.start()
    await responder.switches.set_client(51, False)
    responder.surface().switched()
    async with asyncio.timeout(20):
        async with connect(options(broker, "live")) as live:
            async for _, config in configs(live):
                if config.bot_activo == 0:
                    break
        await whole.stop()
        async with connect(options(broker, "later")) as later:
            retained, config = await anext(configs(later))
    assert (retained, config.bot_activo) == (True, 0)
