"""The switch of a client on its retained topic: published, changed on request, and followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest_asyncio

from bridge.broker import BrokerConnection, BrokerOptions, connect, parse_addresses
from bridge.contract.bot import BotConfig
from bridge.contract.topics import Topics
from tests.mosquitto_server import MosquittoServer
from tests.responder.conftest import ResponderHarness

TOPICS = Topics()


@pytest_asyncio.fixture(loop_scope="session")
async def admin(broker: MosquittoServer) -> AsyncIterator[BrokerConnection]:
    async with connect(options(broker, "admin")) as connection:
        yield connection


def options(broker: MosquittoServer, name: str) -> BrokerOptions:
    return BrokerOptions(parse_addresses(broker.url("bridge")), client_id=f"test-{name}", clean=True)


async def configs(connection: BrokerConnection) -> AsyncIterator[tuple[bool, BotConfig]]:
    """The retained configs, then each change; the flag says whether it was retained."""
    await connection.subscribe(TOPICS.bot_config())
    async for delivery in connection.deliveries():
        connection.acknowledge(delivery)
        yield delivery.retain, BotConfig.model_validate_json(delivery.payload)


async def test_the_switch_is_published_and_changed_on_request(
    harness: ResponderHarness, admin: BrokerConnection
) -> None:
    responder = await harness.start()
    async with asyncio.timeout(20):
        published = configs(admin)
        _, first = await anext(published)
        assert (first.cliente_id, first.bot_activo) == (51, 1)
        for requested in (0, 0, 1):  # a request that changes nothing is confirmed as well
            await admin.publish(TOPICS.bot_switch(51), json.dumps({"bot_activo": requested}))
            assert (await anext(published))[1].bot_activo == requested
            assert (await responder.switches.client(51)).active is bool(requested)
        await admin.publish(TOPICS.bot_switch(51), b'{"bot_activo": 5}')
        await admin.publish(TOPICS.bot_switch(51), b"nonsense")
        await admin.publish(TOPICS.bot_switch(52), b'{"bot_activo": 0}')
        other = (await anext(published))[1]
        assert (other.cliente_id, other.bot_activo) == (52, 0)
        assert await harness.rows("SELECT cliente_id, bot_activo FROM ll_bot_config ORDER BY cliente_id") == [
            (51, 1),
            (52, 0),
        ]


async def test_the_switch_stays_retained_after_the_responder_stops(
    harness: ResponderHarness, broker: MosquittoServer
) -> None:
    responder = await harness.start()
    await responder.switches.set_client(51, False)
    responder.surface().switched()
    async with asyncio.timeout(20):
        async with connect(options(broker, "live")) as live:
            async for _, config in configs(live):
                if config.bot_activo == 0:
                    break
        await harness.stop()
        async with connect(options(broker, "later")) as later:
            retained, config = await anext(configs(later))
    assert (retained, config.bot_activo) == (True, 0)
