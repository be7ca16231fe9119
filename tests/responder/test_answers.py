"""When the answer comes, that none is repeated, and what a customer reads outside business hours."""

from __future__ import annotations

import time

from tests.client.conftest import ANA, BETO
from tests.responder.conftest import ResponderHarness
from tests.responder.test_flow import GREETING

#: Hours that never hold now, in any time zone.
CLOSED = ("lun", "mar", "mie", "jue", "vie", "sab", "dom")[(time.gmtime().tm_wday + 2) % 7] + " 09:00-18:00"


async def test_an_answer_by_a_rule_also_waits_for_silence(harness: ResponderHarness) -> None:
    """«Hola» and the question right after it were two greetings."""
    await harness.start(gather=0.6)
    phone = harness.bridge.phone
    phone.incoming(ANA, "Hola")
    await harness.until_rows("SELECT verdict FROM wa_message", [("answer",)])
    phone.incoming(ANA, "cómo va?")
    assert await harness.verdicts(2) == ["answered", "answered"]
    assert await harness.answers(1) == [GREETING]
    assert await harness.rows("SELECT COUNT(*) FROM wa_turn") == [(1,)]


async def test_the_same_answer_is_not_sent_twice_in_a_row(harness: ResponderHarness) -> None:
    await harness.start()
    phone = harness.bridge.phone
    phone.incoming(ANA, "hola")
    await harness.answers(1)
    phone.incoming(ANA, "buenas tardes")
    assert await harness.verdicts(2) == ["answered", "duplicate"]
    phone.incoming(ANA, "gracias")
    await harness.answers(2)
    phone.incoming(BETO, "hola")
    await harness.answers(3)
    assert [sent.text[:5] for sent in phone.sent] == [GREETING[:5], "¡De n", GREETING[:5]]


async def test_the_same_text_is_a_new_question_once_it_was_answered(harness_on_each: ResponderHarness) -> None:
    """«1» and «1» in a menu of two levels. While the first waits for its answer, the second is a repetition."""
    from tests.responder.openai_server import OpenAiServer

    harness = harness_on_each
    async with OpenAiServer() as server:
        await harness.start(openai_api_key="clave-de-prueba", openai_base_url=server.url)
        server.script = ["1 Ventas, 2 Turnos", "1 Mañana, 2 Tarde", "1 Mañana, 2 Tarde"]
        phone = harness.bridge.phone
        phone.incoming(ANA, "1")
        phone.incoming(ANA, "1")
        assert await harness.verdicts(2) == ["answered", "duplicate"]
        phone.incoming(ANA, "1")
        await harness.answers(2)
        phone.incoming(ANA, "1")
        assert (await harness.verdicts(4))[2:] == ["answered", "duplicate"]
        assert [sent.text for sent in phone.sent] == ["1 Ventas, 2 Turnos", "1 Mañana, 2 Tarde"]


async def test_outside_business_hours_a_person_reads_the_closed_text_once_a_day(
    harness_on_each: ResponderHarness,
) -> None:
    harness = harness_on_each
    await harness.start(hours=CLOSED, closed_text="Estamos cerrados. Abrimos a las 9.")
    phone = harness.bridge.phone
    phone.incoming(ANA, "hola")
    phone.incoming(ANA, "¿abren?")
    assert await harness.answers(1) == ["Estamos cerrados. Abrimos a las 9."]
    phone.incoming(ANA, "¿y mañana?")
    phone.incoming(BETO, "baja")
    phone.incoming(BETO, "hola")
    assert await harness.verdicts(5) == ["answered", "answered", "closed", "opt_out", "opted_out"]
    assert len(phone.sent) == 1
    responder = harness.responder
    assert responder is not None
    async with responder.database.write() as connection:  # yesterday
        from sqlalchemy import text

        await connection.execute(text("UPDATE wa_turn SET created_at = created_at - 86400"))
    phone.incoming(ANA, "buenas")
    assert len(await harness.answers(2)) == 2
