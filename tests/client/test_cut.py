"""A client whose network breaks again and again still has every message once, and sends every command once."""

from __future__ import annotations

import asyncio

from bridge.client import ResultStatus, connect
from tests.broker.relay import Relay
from tests.client.conftest import ANA, BridgeSide
from tests.client.test_messages import numbers, read
from tests.mosquitto_server import MosquittoServer


async def test_reading_over_cuts_in_the_middle_of_replays_and_of_live_messages(
    side: BridgeSide, mosquitto: MosquittoServer
) -> None:
    await side.start()
    for number in range(1500):
        side.phone.incoming(ANA, f"Mensaje {number}")
    await side.journalled(1500)
    async with Relay(mosquitto.port) as relay, connect(mosquitto.url("reader", port=relay.port)) as client:
        messages = client.messages("haby")
        got = await read(messages, 100)
        for round_ in range(5):
            relay.cut()
            for number in range(20):
                side.phone.incoming(ANA, f"En la ronda {round_}: {number}")
            got += await read(messages, 100)
        got += await read(messages, 1000)
    assert numbers(got) == list(range(1, 1601))


async def test_a_frozen_network_is_noticed_and_made_up_for(side: BridgeSide, mosquitto: MosquittoServer) -> None:
    await side.start()
    async with Relay(mosquitto.port) as relay, connect(mosquitto.url("reader", port=relay.port)) as client:
        messages = client.messages("haby")
        side.phone.incoming(ANA, "Antes")
        got = await read(messages, 1)
        relay.freeze()
        side.phone.incoming(ANA, "Durante")
        await side.journalled(2)
        relay.cut()
        relay.thaw()
        side.phone.incoming(ANA, "Después")
        got += await read(messages, 2)
    assert [message.body for message in got] == ["Antes", "Durante", "Después"]


async def test_sending_over_cuts(side: BridgeSide, mosquitto: MosquittoServer) -> None:
    await side.start()
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
    assert len(side.phone.sent) == 31
    assert {sent.times for sent in side.phone.sent} == {1}
