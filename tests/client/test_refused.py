"""What a broker refuses to a client (MQTT 5): an error while it does, and no longer than that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bridge.client import BrokerRefused, Client, connect
from tests.client.conftest import ANA, ScriptedBridge
from tests.client.test_messages import read
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.refusing_relay import refusing_relay

NOT_AUTHORIZED, QUOTA = 0x87, 0x97


@pytest.mark.parametrize(
    ("forbidden", "call"),
    [
        ("wa/haby/reply/admin", lambda client: client.send("haby", ANA, "Hola", id="a")),
        ("wa/+/status", lambda client: client.status("haby")),
        ("wa/haby/in", lambda client: read(client.messages("haby"), 1)),
    ],
)
async def test_a_subscription_that_is_allowed_later_works_without_a_new_client(
    harness: ScriptedBridge, mosquitto: MosquittoServer, forbidden: str, call: Callable[[Client], Awaitable[object]]
) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Hola")
    allowed: list[str] = []

    def refusal(topic: str, payload: bytes) -> int | None:
        return NOT_AUTHORIZED if topic == forbidden and not allowed else None

    async with (
        refusing_relay(mosquitto.port, refusal) as port,
        connect(mosquitto.url("admin", port=port), protocol="5") as client,
    ):
        with pytest.raises(BrokerRefused, match="does not allow this user to subscribe"):
            await call(client)
        allowed.append("now")
        async with asyncio.timeout(20):
            assert await call(client)


async def test_a_quota_delays_a_reader_and_does_not_end_it(harness: ScriptedBridge, mosquitto: MosquittoServer) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Hola")
    await harness.journalled(1)
    refused: list[str] = []

    def refusal(topic: str, payload: bytes) -> int | None:
        if topic != "wa/haby/replay" or refused:
            return None
        refused.append(topic)
        return QUOTA

    async with (
        refusing_relay(mosquitto.port, refusal) as port,
        connect(mosquitto.url("admin", port=port), protocol="5") as client,
        asyncio.timeout(30),
    ):
        [message] = await read(client.messages("haby"), 1)
    assert (message.body, len(refused)) == ("Hola", 1)
