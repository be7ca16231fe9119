"""From a message on a (scripted) phone to the answer that it sends, as customers and operators see it."""

from __future__ import annotations

import time

import pytest

from bridge.contract.jid import Jid
from bridge.drivers.scripted.phone import ACCOUNT
from tests.client.conftest import ANA, BETO
from tests.responder.conftest import ResponderHarness

GREETING = "¡Hola! Gracias por escribirnos. ¿En qué podemos ayudarte?"
ADMIN = "5491155500009"


async def test_a_greeting_is_answered_and_both_are_recorded(harness_on_each: ResponderHarness) -> None:
    harness = harness_on_each
    await harness.start()
    harness.bridge.phone.incoming(ANA, "¡¡Holaaa, buenas TARDES!! 👋")
    assert await harness.answers(1) == [GREETING]
    rows = await harness.rows(
        "SELECT cliente_id, telefono, rol, origen_mensaje, pauso_ia, mensaje FROM ll_ia_conversaciones ORDER BY id"
    )
    assert rows == [
        (51, "5491155500001", "user", "ia", 0, "¡¡Holaaa, buenas TARDES!! 👋"),
        (51, "5491155500001", "assistant", "ia", 0, GREETING),
    ]


async def test_a_session_that_no_bridge_has_is_named(
    harness: ResponderHarness, caplog: pytest.LogCaptureFixture
) -> None:
    await harness.start(sessions="haby=51,habi=52")
    harness.bridge.phone.incoming(ANA, "hola")
    assert await harness.answers(1) == [GREETING]
    assert "WA_SESSIONS: There is no session 'habi'; known sessions: haby." in caplog.text
    assert "no session 'haby'" not in caplog.text


async def test_a_message_without_a_matching_rule_is_recorded_and_not_answered(harness: ResponderHarness) -> None:
    await harness.start()
    harness.bridge.phone.incoming(ANA, "¿Tienen turno para el jueves?")
    assert await harness.verdicts(1) == ["no_answer"]
    assert harness.bridge.phone.sent == []


async def test_the_answer_goes_to_the_exact_address_of_the_chat(harness: ResponderHarness) -> None:
    await harness.start()
    harness.bridge.phone.incoming("123456789012345@lid", "hola", from_pn=None)
    await harness.answers(1)
    assert str(harness.bridge.phone.sent[0].key.remote) == "123456789012345@lid"


async def test_the_same_text_twice_is_recorded_twice_and_answered_once(harness: ResponderHarness) -> None:
    await harness.start()
    harness.bridge.phone.incoming(ANA, "hola")
    await harness.answers(1)
    harness.bridge.phone.incoming(ANA, "¡Hola!")
    assert await harness.verdicts(2) == ["answered", "duplicate"]
    assert len(harness.bridge.phone.sent) == 1


async def test_groups_are_recorded_only(harness: ResponderHarness) -> None:
    await harness.start()
    harness.bridge.phone.incoming("120363000000000001@g.us", "hola", author=ANA)
    assert await harness.verdicts(1) == ["group"]
    assert harness.bridge.phone.sent == []
    assert await harness.rows("SELECT telefono FROM ll_ia_conversaciones") == [("120363000000000001@g.us",)]


async def test_messages_from_long_before_the_start_are_recorded_only(harness: ResponderHarness) -> None:
    phone = harness.bridge.phone
    message = phone.incoming(ANA, "hola")
    await harness.until(lambda: time.time() > message.timestamp + 1.1)
    await harness.start(max_age=1)
    assert await harness.verdicts(1) == ["too_old"]
    phone.incoming(BETO, "hola", timestamp=phone.now() + 1)
    await harness.answers(1)
    assert [str(sent.key.remote) for sent in phone.sent] == [BETO]


async def test_a_person_who_answers_on_the_phone_pauses_the_chat(harness: ResponderHarness) -> None:
    await harness.start()
    phone = harness.bridge.phone
    phone.own(ANA, "Hola Ana, ya te atiendo yo")
    await harness.verdicts(1)
    phone.incoming(ANA, "hola")
    phone.incoming(BETO, "hola")
    assert await harness.verdicts(3) == ["own", "human", "answered"]
    await harness.answers(1)
    rows = await harness.rows("SELECT rol, origen_mensaje, pauso_ia FROM ll_ia_conversaciones ORDER BY id")
    assert rows[0] == ("assistant", "humano", 1)


async def test_the_pause_ends(harness: ResponderHarness) -> None:
    await harness.start(pause=0)
    harness.bridge.phone.own(ANA, "Ya te atiendo")
    await harness.verdicts(1)
    harness.bridge.phone.incoming(ANA, "hola", timestamp=harness.bridge.phone.now() + 1)
    assert await harness.answers(1) == [GREETING]


@pytest.mark.parametrize("word", ["baja", "STOP", "¡Baja!"])
async def test_an_opt_out_holds_until_the_opt_in(harness: ResponderHarness, word: str) -> None:
    await harness.start()
    phone = harness.bridge.phone
    phone.incoming(ANA, word)
    phone.incoming(ANA, "hola")
    assert await harness.verdicts(2) == ["opt_out", "opted_out"]
    phone.incoming(ANA, "alta")
    await harness.verdicts(3)
    phone.incoming(ANA, "buenas")
    assert await harness.answers(1) == [GREETING]


async def test_an_administrator_switches_answers_off_and_on(harness_on_each: ResponderHarness) -> None:
    harness = harness_on_each
    await harness.start(admins=ADMIN)
    phone = harness.bridge.phone
    admin = "277000000000009@lid"  # recognised as a person, not by the address
    phone.incoming(admin, "Pausar respuestas", from_pn=Jid.parse(f"{ADMIN}@c.us"))
    assert await harness.answers(1) == ["🤖 Respuesta automática PAUSADA"]
    phone.incoming(ANA, "hola")
    phone.incoming(ANA, "activar bot")  # no administrator
    assert (await harness.verdicts(3))[1:] == ["off", "off"]
    phone.incoming(admin, "estado bot", from_pn=Jid.parse(f"{ADMIN}@c.us"))
    await harness.answers(2)
    phone.incoming(admin, "activar respuestas", from_pn=Jid.parse(f"{ADMIN}@c.us"))
    await harness.answers(3)
    phone.incoming(BETO, "hola")
    assert await harness.answers(4) == [
        "🤖 Respuesta automática PAUSADA",
        "🤖 Respuesta automática PAUSADA",
        "🤖 Respuesta automática ACTIVADA",
        GREETING,
    ]
    roles = await harness.rows("SELECT COUNT(*) FROM ll_ia_conversaciones WHERE origen_mensaje = 'sistema'")
    assert roles == [(3,)]


async def test_an_order_survives_a_restart_until_the_setting_changes(harness: ResponderHarness) -> None:
    responder = await harness.start(active=True)
    await responder.switches.set_active(False)
    await harness.stop()
    responder = await harness.start(active=True)
    assert await responder.switches.active() is False
    await harness.stop()
    responder = await harness.start(active=False)
    assert await responder.switches.active() is False
    await harness.stop()
    responder = await harness.start(active=True)
    assert await responder.switches.active() is False  # switched off by an order while the setting was on
    await responder.switches.set_active(True)
    assert await responder.switches.active() is True


async def test_a_client_without_a_row_is_answered(harness: ResponderHarness) -> None:
    responder = await harness.start()
    harness.bridge.phone.incoming(ANA, "hola")
    await harness.answers(1)
    await responder.switches.set_client(51, False)
    harness.bridge.phone.incoming(BETO, "hola")
    assert await harness.verdicts(2) == ["answered", "client_off"]
    await responder.switches.set_client(51, True)
    harness.bridge.phone.incoming(BETO, "buenas")
    await harness.answers(2)


async def test_the_budget_of_a_chat(harness: ResponderHarness) -> None:
    await harness.start(chat_budget=2, duplicate_window=0)
    for number, text in enumerate(("hola", "gracias", "hola")):
        harness.bridge.phone.incoming(ANA, text)
        await harness.verdicts(number + 1)
    harness.bridge.phone.incoming(BETO, "hola")
    assert await harness.verdicts(4) == ["answered", "answered", "chat_budget", "answered"]


async def test_each_policy_setting_takes_effect(harness: ResponderHarness) -> None:
    """From the settings to the phone; test_policy.py covers the combinations."""
    await harness.start(blocked="+54 9 11 5550-0002", groups="mentioned", captions="on", total_budget=2)
    phone, group = harness.bridge.phone, "120363000000000001@g.us"
    phone.incoming(BETO, "hola")
    phone.incoming(group, "hola a todos", author=ANA)
    phone.incoming(group, f"@{ACCOUNT.user} hola", author=ANA, mentions=(str(ACCOUNT),))
    assert await harness.verdicts(3) == ["blocked", "not_mentioned", "answered"]
    await harness.answers(1)
    phone.incoming(ANA, "gracias", type="image")
    await harness.answers(2)
    assert [(str(sent.key.remote), sent.text[:5]) for sent in phone.sent] == [(group, "¡Hola"), (ANA, "¡De n")]
    phone.incoming(ANA, "buenas")
    assert (await harness.verdicts(5))[3:] == ["answered", "total_budget"]


async def test_outside_business_hours_no_message_is_answered(harness: ResponderHarness) -> None:
    another = ("lun", "mar", "mie", "jue", "vie", "sab", "dom")[(time.gmtime().tm_wday + 2) % 7]  # in any time zone
    await harness.start(hours=f"{another} 09:00-18:00")
    harness.bridge.phone.incoming(ANA, "hola")
    assert await harness.verdicts(1) == ["closed"]
    assert harness.bridge.phone.sent == []
