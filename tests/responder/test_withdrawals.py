"""Answers that wait are taken back once the chat is not answered any more: by a person, an opt-out, or a switch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest
from sqlalchemy import text

from tests.client.conftest import ANA
from tests.loopback import http_client
from tests.responder.conftest import ResponderHarness
from tests.responder.test_flow import ADMIN, GREETING

THANKS = "¡De nada! Cualquier otra consulta, escribinos."
#: Seconds of a send: the next answer of the chat waits for that long.
SENDING = 5.0
TURNS = "SELECT state, error FROM wa_turn ORDER BY id"


async def reply(harness: ResponderHarness, http: httpx.AsyncClient) -> None:
    body = {"text": "Soy Laura, ya te atiendo", "request": "request-1"}
    assert (await http.post(f"/api/chats/{await chat_id(harness)}/replies", json=body)).status_code == 200


async def write_on_the_phone(harness: ResponderHarness, _: httpx.AsyncClient) -> None:
    harness.bridge.phone.own(ANA, "Hola Ana, soy Laura", timestamp=harness.bridge.phone.now() + 5)


async def opt_out(harness: ResponderHarness, _: httpx.AsyncClient) -> None:
    harness.bridge.phone.incoming(ANA, "baja")


async def switch_off(_: ResponderHarness, http: httpx.AsyncClient) -> None:
    assert (await http.post("/api/switches/active", json={"active": False})).status_code == 200


async def order_off(harness: ResponderHarness, _: httpx.AsyncClient) -> None:
    harness.bridge.phone.incoming(f"{ADMIN}@c.us", "responder off")


async def pause(harness: ResponderHarness, http: httpx.AsyncClient) -> None:
    path = f"/api/chats/{await chat_id(harness)}/pause"
    assert (await http.post(path, json={"seconds": None})).status_code == 200


async def chat_id(harness: ResponderHarness) -> int:
    [(found,)] = await harness.rows(f"SELECT id FROM wa_chat WHERE chat = '{ANA}'")
    return int(found)


async def queued_answer(harness: ResponderHarness) -> None:
    """One answer of a chat is being sent, and the next one waits behind it at the bridge."""
    harness.bridge.phone.delay = SENDING
    harness.bridge.phone.incoming(ANA, "hola")
    await harness.until_rows(TURNS, [("ready", None)])
    harness.bridge.phone.incoming(ANA, "gracias")
    await harness.until_rows(TURNS, [("ready", None), ("ready", None)])


def sent_answers(harness: ResponderHarness) -> list[str]:
    return [sent.text for sent in harness.bridge.phone.sent if sent.text in (GREETING, THANKS)]


@pytest.mark.parametrize("stop", [reply, write_on_the_phone, opt_out, switch_off, order_off, pause])
async def test_an_answer_that_waits_at_the_bridge_is_taken_back(
    harness: ResponderHarness, stop: Callable[[ResponderHarness, httpx.AsyncClient], Awaitable[None]]
) -> None:
    responder = await harness.start(admins=ADMIN)
    await queued_answer(harness)
    async with http_client(responder.url) as http:
        await stop(harness, http)
    answers = "SELECT state, error FROM wa_turn WHERE origin = 'rule' ORDER BY id"
    await harness.until_rows(answers, [("sent", None), ("failed", "cancelled")])
    await harness.until_rows("SELECT COUNT(*) FROM wa_turn WHERE state = 'ready'", [(0,)])
    assert sent_answers(harness) == [GREETING]
    assert all(fault.code != "cancelled" for fault in responder.faults.since(0))


async def test_an_answer_of_before_a_restart_is_not_sent_after_an_opt_out(harness_on_each: ResponderHarness) -> None:
    harness = harness_on_each
    await harness.start()
    await queued_answer(harness)
    await harness.stop()
    await harness.bridge.stop()  # before it could send the second one
    assert sent_answers(harness) == [GREETING]
    responder = harness.responder
    assert responder is not None
    async with responder.database, responder.database.write() as connection:
        await connection.execute(text(f"UPDATE wa_chat SET opted_out_at = 1 WHERE chat = '{ANA}'"))
    harness.bridge.phone.link(up=False)
    await harness.bridge.start(until=None)
    await harness.start()
    await harness.until_rows(f"{TURNS} DESC LIMIT 1", [("failed", "cancelled")])
    harness.bridge.phone.link(up=True)
    await harness.until_rows(TURNS, [("sent", None), ("failed", "cancelled")])
    assert sent_answers(harness) == [GREETING]
