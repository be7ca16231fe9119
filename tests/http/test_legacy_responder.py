"""An unmodified legacy responder against the bridge: it works, and survives restarts of either side."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bridge.contract.backoff import Backoff
from bridge.contract.session import SessionState
from bridge.http.limits import HttpLimits
from bridge.webhooks.limits import WebhookLimits
from tests.http.conftest import ANA, BETO, HERE, HttpBridge
from tests.http.legacy_responder import LegacyResponder
from tests.mosquitto_server import free_port


@pytest.fixture(autouse=True)
def _retry_soon(side: HttpBridge) -> None:
    side.limits = replace(side.limits, webhooks=WebhookLimits(retry=Backoff(0.05, 60.0, jitter=0.5)))


async def sent(side: HttpBridge, count: int) -> list[str]:
    """Wait until `count` answers have reached WhatsApp."""
    async with asyncio.timeout(HERE):
        while len(side.phone.sent) < count:  # noqa: ASYNC110 - the phone has no event
            await asyncio.sleep(0.01)
    return [message.text for message in side.phone.sent]


async def settled(side: HttpBridge) -> None:
    """Wait until the bridge has noted what was delivered: what it had not when it died, it rightly posts again."""
    async with asyncio.timeout(HERE), side.client() as client:
        while True:
            listeners = (await client.get("/v1/sessions/haby/listeners")).json()["listeners"]
            if not any(one["lag"] for one in listeners):
                return
            await asyncio.sleep(0.01)


async def test_it_registers_when_the_bridge_comes_up_and_answers_to_where_it_came_from(side: HttpBridge) -> None:
    side.port = free_port()
    async with LegacyResponder(side.url) as responder:
        await side.start()  # after it, and it tried in vain until now
        await asyncio.wait_for(responder.registered.wait(), HERE)
        side.phone.incoming(ANA, "¿Están abiertos?")
        side.phone.incoming("123456789012345@lid", "sin número")
        assert sorted(await sent(side, 2)) == ["Eco: sin número", "Eco: ¿Están abiertos?"]
        assert sorted(str(message.key.remote) for message in side.phone.sent) == ["123456789012345@lid", ANA]
        while len(responder.answers) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert {answer["message"] for answer in responder.answers} == {"Mensaje enviado correctamente"}
    assert responder.failures == []


async def test_it_never_registers_again_and_still_hears_after_every_restart_of_the_bridge(side: HttpBridge) -> None:
    await side.start()
    async with LegacyResponder(side.url) as responder:
        await asyncio.wait_for(responder.registered.wait(), HERE)
        for number in range(3):
            side.phone.incoming(ANA, f"round {number}")
            await sent(side, number + 1)
            await settled(side)
            await (side.kill() if number == 1 else side.stop())
            await side.start()
            async with side.client() as client:
                assert (await client.get("/api/whatsapp/status")).json()["listeners"] == 1
        side.phone.incoming(ANA, "the end")
        assert (await sent(side, 4))[-1] == "Eco: the end"


@pytest.mark.parametrize("word", ["SIGTERM", "SIGKILL"])
async def test_what_comes_while_it_restarts_is_answered_once(side: HttpBridge, word: str) -> None:
    await side.start()
    port = free_port()
    async with LegacyResponder(side.url, port=port) as first:
        await asyncio.wait_for(first.registered.wait(), HERE)
        side.phone.incoming(ANA, "before")
        await sent(side, 1)
        await settled(side)
        if word == "SIGKILL":
            await first.crash()
    side.phone.incoming(BETO, "while it is away")
    await side.journalled(2)
    async with LegacyResponder(side.url, port=port):
        side.phone.incoming(ANA, "after")
        texts = await sent(side, 3)
    assert sorted(texts) == ["Eco: after", "Eco: before", "Eco: while it is away"]
    assert {message.times for message in side.phone.sent} == {1}


async def test_a_link_that_is_down_is_an_error_that_it_survives(side: HttpBridge) -> None:
    await side.start()
    async with LegacyResponder(side.url) as responder:
        await asyncio.wait_for(responder.registered.wait(), HERE)
        side.phone.incoming(ANA, "one")
        await sent(side, 1)
        side.phone.link(up=False)
        await side.reach(SessionState.RECONNECTING)
        async with side.client() as client:
            refused = await client.post("/api/whatsapp/send?wait=0", json={"to": ANA, "message": "not now"})
            assert refused.status_code == 500
        side.phone.link(up=True)
        await side.reach(SessionState.CONNECTED)
        side.phone.incoming(ANA, "two")
        assert (await sent(side, 2))[-1] == "Eco: two"


async def test_in_an_outage_a_send_is_refused_at_once(side: HttpBridge) -> None:
    """A bulk sender of a thousand messages would wait 25 s for each refusal."""
    side.limits = replace(side.limits, http=HttpLimits(outage=0.5))
    await side.start()
    side.phone.link(up=False)
    await side.reach(SessionState.RECONNECTING)
    async with side.client() as client, asyncio.timeout(10):
        refused = await client.post("/api/whatsapp/send", json={"to": ANA, "message": "not now"})
    assert refused.json()["code"] == "not_connected"


async def test_an_answer_is_not_lost_while_whatsapp_is_not_connected_again_after_a_restart(side: HttpBridge) -> None:
    port = free_port()
    await side.start()
    async with LegacyResponder(side.url, port=port) as first:
        await asyncio.wait_for(first.registered.wait(), HERE)
        await first.crash()
    side.phone.incoming(ANA, "before the restart")
    await side.journalled(1)
    await side.stop()
    side.phone.link(up=False)
    async with LegacyResponder(side.url, port=port) as responder:
        await side.start(until=SessionState.RECONNECTING)
        await responder.webhook.got(1)  # posted, and answered at once: WhatsApp is not connected
        async with side.client() as client:
            refused = await client.post("/api/whatsapp/send?wait=0", json={"to": BETO, "message": "not now"})
            assert refused.json()["code"] == "not_connected"
        side.phone.link(up=True)
        assert await sent(side, 1) == ["Eco: before the restart"]
        assert responder.failures == []


async def test_what_a_caller_has_given_up_while_it_waits_for_whatsapp_is_not_sent_beside_its_repetition(
    side: HttpBridge,
) -> None:
    await side.start()
    side.phone.link(up=False)
    await side.reach(SessionState.RECONNECTING)
    message = {"to": ANA, "message": "Hola"}
    async with side.client() as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/api/whatsapp/send", json=message, timeout=0.3)
        again = asyncio.create_task(client.post("/api/whatsapp/send", json=message), name="repetition")
        await asyncio.sleep(0.5)  # several polls of the session and of the waiting callers
        side.phone.link(up=True)
        assert (await again).json()["status"] == "sent"
        await client.post("/api/whatsapp/send", json={"to": ANA, "message": "the end"})  # of one chat, in order
    assert [sent.text for sent in side.phone.sent] == ["Hola", "the end"]


async def test_a_thousand_listeners_survive_a_restart(tmp_path: Path) -> None:
    side = HttpBridge(tmp_path / "data")
    await side.start()
    try:
        async with side.client() as client:

            async def register(first: int) -> None:
                for number in range(first, first + 100):
                    body = {"callbackUrl": f"http://127.0.0.1:{20000 + number}/hook"}
                    (await client.post("/api/whatsapp/register-listener", json=body)).raise_for_status()

            await asyncio.gather(*map(register, range(0, 1000, 100)))
        await side.kill()
        await side.start()
        async with side.client() as client:
            assert (await client.get("/api/whatsapp/status")).json()["listeners"] == 1000
    finally:
        await side.stop()
