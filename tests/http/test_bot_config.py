"""The legacy switch of automatic answers, through a real broker to a stand-in for the responder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.broker import BrokerOptions, connect, parse_addresses
from bridge.contract.bot import BotConfig, BotSwitch
from bridge.contract.topics import Topics
from tests.http.conftest import HERE, HttpBridge
from tests.mosquitto_server import MosquittoServer

TOPICS = Topics()


@pytest.fixture
def side(on_mqtt: HttpBridge) -> HttpBridge:
    return on_mqtt


@pytest.fixture
async def responder(mosquitto: MosquittoServer) -> AsyncIterator[asyncio.Task[None]]:
    """Retains `0` for client 51 and does what it is asked."""
    ready = asyncio.Event()

    async def serve() -> None:
        options = BrokerOptions(parse_addresses(mosquitto.url("responder")), "stand-in", clean=True)
        async with connect(options) as connection:

            async def retain(value: int) -> None:
                assert value in (0, 1)
                now = datetime.now(UTC)
                config = BotConfig(cliente_id=51, bot_activo=1 if value else 0, updated_at=now)
                await connection.publish(TOPICS.bot_config(51), config.to_json(), retain=True)

            await retain(0)
            await connection.subscribe(TOPICS.bot_switch(51))
            ready.set()
            async for delivery in connection.deliveries():
                connection.acknowledge(delivery)
                await retain(BotSwitch.model_validate_json(delivery.payload).bot_activo)

    running = asyncio.create_task(serve(), name="responder stand-in")
    await asyncio.wait_for(ready.wait(), HERE)
    yield running
    running.cancel()
    await asyncio.wait([running])


async def shown(side: HttpBridge, expected: int) -> dict[str, object]:
    """The status once it says what is expected: the retained topic comes when the broker is connected."""
    async with asyncio.timeout(HERE), side.client() as client:
        while True:
            answer: dict[str, object] = (await client.get("/api/bot-config/status/51")).json()
            if answer["bot_activo"] == expected and answer["updated_at"]:
                return answer
            await asyncio.sleep(0.02)


async def test_the_switch_is_shown_and_set(side: HttpBridge, responder: asyncio.Task[None]) -> None:
    await side.start()
    await shown(side, 0)
    async with side.client() as client:
        on = await client.post("/api/bot-config/toggle/51", json={"bot_activo": 1})
        assert on.json() == {"success": True, "bot_activo": 1, "mensaje": "Respuestas automáticas activadas"}
        assert (await shown(side, 1))["bot_activo"] == 1
        off = await client.post("/api/bot-config/toggle/51", json={"bot_activo": 0})
        assert off.json() == {"success": True, "bot_activo": 0, "mensaje": "Respuestas automáticas desactivadas"}
        (newest, _) = (await client.get("/v1/audit")).json()["audit"]
    assert (newest["action"], newest["detail"]) == ("bot switch", "cliente 51: 0")


async def test_without_a_responder_it_is_not_said_to_be_set(side: HttpBridge) -> None:
    side.limits = replace(side.limits, mqtt=replace(side.limits.mqtt, switch=0.3))
    await side.start()
    async with side.client() as client:
        answer = await client.post("/api/bot-config/toggle/51", json={"bot_activo": 1})
    assert answer.status_code == 503
    assert "error" in answer.json()
