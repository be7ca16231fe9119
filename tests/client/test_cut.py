"""A client whose network breaks repeatedly still gets every message once, and sends every command once."""

from __future__ import annotations

import asyncio

from bridge.client import ResultStatus, connect
from tests.broker.relay import Relay
from tests.client.conftest import ANA, ScriptedBridge
from tests.client.test_messages import numbers, read
from tests.mosquitto_server import MosquittoServer


async def test_reading_survives_cuts_during_replays_and_live_messages(
    harness: ScriptedBridge, mosquitto: MosquittoServer
) -> None:
    await harness.start()
    for number in range(1500):
        harness.phone.incoming(ANA, f"Mensaje {number}")
    await harness.journalled(1500)
    async with Relay(mosquitto.port) as relay, connect(mosquitto.url("reader", port=relay.port)) as client:
        messages = client.messages("haby")
        got = await read(messages, 100)
        for round_ in range(5):
            relay.cut()
            for number in range(20):
                harness.phone.incoming(ANA, f"En la ronda {round_}: {number}")
            got += await read(messages, 100)
        got += await read(messages, 1000)
    assert numbers(got) == list(range(1, 1601))


async def test_messages_of_a_frozen_network_are_replayed(harness: ScriptedBridge, mosquitto: MosquittoServer) -> None:
    await harness.start()
    async with Relay(mosquitto.port) as relay, connect(mosquitto.url("reader", port=relay.port)) as client:
        messages = client.messages("haby")
        harness.phone.incoming(ANA, "Antes")
        got = await read(messages, 1)
        relay.freeze()
        harness.phone.incoming(ANA, "Durante")
        await harness.journalled(2)
        relay.cut()
        relay.thaw()
        harness.phone.incoming(ANA, "Después")
        got += await read(messages, 2)
    assert [message.body for message in got] == ["Antes", "Durante", "Después"]


async def test_sending_survives_cuts(harness: ScriptedBridge, mosquitto: MosquittoServer) -> None:
    await harness.start()
    async with Relay(mosquitto.port) as relay, connect(mosquitto.url("sender", port=relay.port)) as client:
        await client.send("haby", "5491155500001", "La primera")
        sending = [
            asyncio.create_task(client.send("haby", f"54911555001{number:02}", f"Hola {number}"), name=f"send {number}")
            for number in range(30)
        ]
        for _ in range(3):
            await asyncio.wait(sending, timeout=0.02)
            relay.cut()
        results = await asyncio.gather(*sending)
    assert {result.status for result in results} == {ResultStatus.SENT}
    assert len(harness.phone.sent) == 31
    assert {sent.times for sent in harness.phone.sent} == {1}
