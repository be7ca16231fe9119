"""What the account itself sends: by hand, through the bridge, by other programs, and by WhatsApp Business."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.client import Client, Priority, connect
from tests.client.conftest import ANA, BETO
from tests.responder.conftest import ResponderHarness
from tests.responder.test_flow import GREETING


async def send(harness: ResponderHarness, to: str, text: str, **more: Any) -> None:
    client: Client
    async with connect(harness.broker.url("admin")) as client:
        await client.send("haby", to, text, **more)


LINES = "SELECT rol, origen_mensaje, pauso_ia, mensaje FROM ll_ia_conversaciones ORDER BY id"


@pytest.mark.parametrize("how", [{"priority": Priority.HUMAN}, {"meta": {"origin": "human"}}], ids=["panel", "origin"])
async def test_a_person_who_answers_through_the_bridge_pauses_the_chat(
    harness: ResponderHarness, how: dict[str, Any]
) -> None:
    await harness.start()
    await send(harness, ANA, "Abrimos a las 9, Ana", **how)
    await harness.verdicts(1)
    harness.bridge.phone.incoming(ANA, "hola")
    assert await harness.verdicts(2) == ["operator", "human"]
    assert await harness.rows(LINES) == [
        ("assistant", "humano", 1, "Abrimos a las 9, Ana"),
        ("user", "ia", 0, "hola"),
    ]


async def test_what_another_program_sends_is_recorded_and_pauses_nothing(harness: ResponderHarness) -> None:
    await harness.start()
    await send(harness, ANA, "Tu pedido salió")
    await harness.verdicts(1)
    harness.bridge.phone.incoming(ANA, "hola")
    assert await harness.verdicts(2) == ["sent", "answered"]
    await harness.answers(2)
    assert (await harness.rows(LINES))[0] == ("assistant", "sistema", 0, "Tu pedido salió")


async def test_its_own_answers_are_recorded_once(harness: ResponderHarness) -> None:
    responder = await harness.start()
    harness.bridge.phone.incoming(ANA, "hola")
    await harness.answers(1)
    [chat] = await responder.surface().chats.find(now=0)
    human = responder.surface().human
    turn = await human.open(chat.id, "¿Te ayudo?", "request-1", now=chat.last_at, expires_at=chat.last_at + 600)
    responder.replies.resume([turn])
    await harness.answers(2)
    harness.bridge.phone.own(BETO, "después de todo")  # its event comes after theirs
    await harness.verdicts(3)
    texts = [row[3] for row in await harness.rows(LINES)]
    assert texts == ["hola", GREETING, "¿Te ayudo?", "después de todo"]


async def test_the_greeting_of_whatsapp_business_is_no_person(harness: ResponderHarness) -> None:
    await harness.start(gather=0.4)
    phone = harness.bridge.phone
    asked = phone.incoming(ANA, "hola")
    phone.own(ANA, "¡Hola! En breve te respondemos.", timestamp=asked.timestamp + 1)
    assert sorted(await harness.verdicts(2)) == ["answered", "autoreply"]
    assert await harness.answers(1) == [GREETING]
    assert ("assistant", "sistema", 0, "¡Hola! En breve te respondemos.") in await harness.rows(LINES)


async def test_its_order_among_the_streams_does_not_matter(harness_on_each: ResponderHarness) -> None:
    harness = harness_on_each
    await harness.start()
    phone = harness.bridge.phone
    now = phone.now() + 1  # what is older than the pairing is history
    phone.own(ANA, "¡Hola! En breve te respondemos.", timestamp=now)
    await harness.verdicts(1)
    phone.incoming(ANA, "hola", timestamp=now - 1)
    assert await harness.verdicts(2) == ["autoreply", "answered"]
    phone.own(ANA, "Acá estoy", timestamp=now + 10)
    await harness.verdicts(3)
    phone.own(ANA, "¿Qué necesitás?", timestamp=now + 20)
    await harness.verdicts(4)
    phone.incoming(ANA, "gracias", timestamp=now + 19)
    assert await harness.verdicts(5) == ["autoreply", "answered", "own", "own", "human"]


async def test_a_configured_greeting_is_no_person_whenever_it_comes(harness: ResponderHarness) -> None:
    await harness.start(autoreplies="En breve te respondemos | Estamos cerrados, ¡volvé mañana!")
    phone = harness.bridge.phone
    phone.own(ANA, "¡En breve te respondemos!")
    await harness.verdicts(1)
    phone.incoming(ANA, "hola")
    assert await harness.verdicts(2) == ["autoreply", "answered"]


async def test_a_quick_answer_to_the_page_ends_no_pause(harness: ResponderHarness) -> None:
    """WhatsApp's times are whole seconds: the customer's may seem to come first."""
    responder = await harness.start()
    phone = harness.bridge.phone
    phone.incoming(ANA, "¿abren?")
    await harness.verdicts(1)
    [chat] = await responder.surface().chats.find(now=0)
    now = phone.now() + 0.9
    await responder.surface().human.open(chat.id, "Sí", "request-1", now=now, expires_at=now + 600)
    phone.incoming(ANA, "gracias", timestamp=int(now))
    assert await harness.verdicts(3) == ["no_answer", "operator", "human"]


async def test_a_person_in_a_conversation_may_answer_at_once(harness: ResponderHarness) -> None:
    await harness.start()
    phone = harness.bridge.phone
    phone.own(ANA, "Hola Ana")
    await harness.verdicts(1)
    asked = phone.incoming(ANA, "¿abren mañana?")
    await harness.verdicts(2)
    phone.own(ANA, "Sí", timestamp=asked.timestamp + 1)
    assert await harness.verdicts(3) == ["own", "human", "own"]
