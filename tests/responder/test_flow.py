"""From a message on a (scripted) phone to the answer that it sends, as customers and operators see it."""

from __future__ import annotations

import time

import pytest

from bridge.drivers.scripted.phone import ACCOUNT
from tests.client.conftest import ANA, BETO
from tests.responder.conftest import Whole

GREETING = "¡Hola! Gracias por escribirnos. ¿En qué podemos ayudarte?"
ADMIN = "5491155500009"


async def test_a_greeting_is_answered_and_both_are_recorded(whole_on_each: Whole) -> None:
    whole = whole_on_each
    await whole.start()
    whole.side.phone.incoming(ANA, "¡¡Holaaa, buenas TARDES!! 👋")
    assert await whole.answers(1) == [GREETING]
    rows = await whole.rows(
        "SELECT cliente_id, telefono, rol, origen_mensaje, pauso_ia, mensaje FROM ll_ia_conversaciones ORDER BY id"
    )
    assert rows == [
        (51, "5491155500001", "user", "ia", 0, "¡¡Holaaa, buenas TARDES!! 👋"),
        (51, "5491155500001", "assistant", "ia", 0, GREETING),
    ]


async def test_a_message_without_a_matching_rule_is_recorded_and_not_answered(whole: Whole) -> None:
    await whole.start()
    whole.side.phone.incoming(ANA, "¿Tienen turno para el jueves?")
    assert await whole.verdicts(1) == ["no_answer"]
    assert whole.side.phone.sent == []


async def test_the_answer_goes_to_the_exact_address_of_the_chat(whole: Whole) -> None:
    await whole.start()
    whole.side.phone.incoming("123456789012345@lid", "hola", from_pn=None)
    await whole.answers(1)
    assert str(whole.side.phone.sent[0].key.remote) == "123456789012345@lid"


async def test_the_same_text_twice_is_recorded_twice_and_answered_once(whole: Whole) -> None:
    await whole.start()
    whole.side.phone.incoming(ANA, "hola")
    await whole.answers(1)
    whole.side.phone.incoming(ANA, "¡Hola!")
    assert await whole.verdicts(2) == ["answered", "duplicate"]
    assert len(whole.side.phone.sent) == 1


async def test_groups_are_recorded_only(whole: Whole) -> None:
    await whole.start()
    whole.side.phone.incoming("120363000000000001@g.us", "hola", author=ANA)
    assert await whole.verdicts(1) == ["group"]
    assert whole.side.phone.sent == []
    assert await whole.rows("SELECT telefono FROM ll_ia_conversaciones") == [("120363000000000001@g.us",)]


async def test_messages_from_long_before_the_start_are_recorded_only(whole: Whole) -> None:
    phone = whole.side.phone
    message = phone.incoming(ANA, "hola")
    await whole.until(lambda: time.time() > message.timestamp + 1.1)
    await whole.start(max_age=1)
    assert await whole.verdicts(1) == ["too_old"]
    phone.incoming(BETO, "hola", timestamp=phone.now() + 1)
    await whole.answers(1)
    assert [str(sent.key.remote) for sent in phone.sent] == [BETO]


async def test_a_person_who_answers_on_the_phone_pauses_the_chat(whole: Whole) -> None:
    await whole.start()
    phone = whole.side.phone
    phone.own(ANA, "Hola Ana, ya te atiendo yo")
    await whole.verdicts(1)
    phone.incoming(ANA, "hola")
    phone.incoming(BETO, "hola")
    assert await whole.verdicts(3) == ["own", "human", "answered"]
    await whole.answers(1)
    rows = await whole.rows("SELECT rol, origen_mensaje, pauso_ia FROM ll_ia_conversaciones ORDER BY id")
    assert rows[0] == ("assistant", "humano", 1)


async def test_the_pause_ends(whole: Whole) -> None:
    await whole.start(pause=0)
    whole.side.phone.own(ANA, "Ya te atiendo")
    await whole.verdicts(1)
    whole.side.phone.incoming(ANA, "hola", timestamp=whole.side.phone.now() + 1)
    assert await whole.answers(1) == [GREETING]


@pytest.mark.parametrize("word", ["baja", "STOP", "¡Baja!"])
async def test_an_opt_out_holds_until_the_opt_in(whole: Whole, word: str) -> None:
    await whole.start()
    phone = whole.side.phone
    phone.incoming(ANA, word)
    phone.incoming(ANA, "hola")
    assert await whole.verdicts(2) == ["opt_out", "opted_out"]
    phone.incoming(ANA, "alta")
    await whole.verdicts(3)
    phone.incoming(ANA, "buenas")
    assert await whole.answers(1) == [GREETING]


async def test_an_administrator_switches_answers_off_and_on(whole_on_each: Whole) -> None:
    whole = whole_on_each
    await whole.start(admins=ADMIN)
    phone = whole.side.phone
    admin = "277000000000009@lid"  # recognised as a person, not by the address
    phone.incoming(admin, "Pausar respuestas", from_pn=f"{ADMIN}@c.us")
    assert await whole.answers(1) == ["🤖 Respuesta automática PAUSADA"]
    phone.incoming(ANA, "hola")
    phone.incoming(ANA, "activar bot")  # no administrator
    assert (await whole.verdicts(3))[1:] == ["off", "off"]
    phone.incoming(admin, "estado bot", from_pn=f"{ADMIN}@c.us")
    await whole.answers(2)
    phone.incoming(admin, "activar respuestas", from_pn=f"{ADMIN}@c.us")
    await whole.answers(3)
    phone.incoming(BETO, "hola")
    assert await whole.answers(4) == [
        "🤖 Respuesta automática PAUSADA",
        "🤖 Respuesta automática PAUSADA",
        "🤖 Respuesta automática ACTIVADA",
        GREETING,
    ]
    roles = await whole.rows("SELECT COUNT(*) FROM ll_ia_conversaciones WHERE origen_mensaje = 'sistema'")
    assert roles == [(3,)]


async def test_an_order_survives_a_restart_until_the_setting_changes(whole: Whole) -> None:
    responder = await whole.start(active=True)
    await responder.switches.set_active(False)
    await whole.stop()
    responder = await whole.start(active=True)
    assert await responder.switches.active() is False
    await whole.stop()
    responder = await whole.start(active=False)
    assert await responder.switches.active() is False
    await whole.stop()
    responder = await whole.start(active=True)
    assert await responder.switches.active() is False  # switched off by an order while the setting was on
    await responder.switches.set_active(True)
    assert await responder.switches.active() is True


async def test_a_client_without_a_row_is_answered(whole: Whole) -> None:
    responder = await whole.start()
    whole.side.phone.incoming(ANA, "hola")
    await whole.answers(1)
    await responder.switches.set_client(51, False)
    whole.side.phone.incoming(BETO, "hola")
    assert await whole.verdicts(2) == ["answered", "client_off"]
    await responder.switches.set_client(51, True)
    whole.side.phone.incoming(BETO, "buenas")
    await whole.answers(2)


async def test_the_budget_of_a_chat(whole: Whole) -> None:
    await whole.start(chat_budget=2, duplicate_window=0)
    for number, text in enumerate(("hola", "gracias", "hola")):
        whole.side.phone.incoming(ANA, text)
        await whole.verdicts(number + 1)
    whole.side.phone.incoming(BETO, "hola")
    assert await whole.verdicts(4) == ["answered", "answered", "chat_budget", "answered"]


async def test_each_policy_setting_takes_effect(whole: Whole) -> None:
    """From the settings to the phone; test_policy.py covers the combinations."""
    await whole.start(blocked="+54 9 11 5550-0002", groups="mentioned", captions="on", total_budget=2)
    phone, group = whole.side.phone, "120363000000000001@g.us"
    phone.incoming(BETO, "hola")
    phone.incoming(group, "hola a todos", author=ANA)
    phone.incoming(group, f"@{ACCOUNT.user} hola", author=ANA, mentions=(str(ACCOUNT),))
    assert await whole.verdicts(3) == ["blocked", "not_mentioned", "answered"]
    await whole.answers(1)
    phone.incoming(ANA, "gracias", type="image")
    await whole.answers(2)
    assert [(str(sent.key.remote), sent.text[:5]) for sent in phone.sent] == [(group, "¡Hola"), (ANA, "¡De n")]
    phone.incoming(ANA, "buenas")
    assert (await whole.verdicts(5))[3:] == ["answered", "total_budget"]


async def test_outside_business_hours_no_message_is_answered(whole: Whole) -> None:
    another = ("lun", "mar", "mie", "jue", "vie", "sab", "dom")[(time.gmtime().tm_wday + 2) % 7]  # in any time zone
    await whole.start(hours=f"{another} 09:00-18:00")
    whole.side.phone.incoming(ANA, "hola")
    assert await whole.verdicts(1) == ["closed"]
    assert whole.side.phone.sent == []
