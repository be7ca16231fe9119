"""Requests whose data holds messages: they come in the published form, with the person."""

from __future__ import annotations

from bridge.contract.requests import request_of
from bridge.contract.responses import ResponseStatus
from tests.core.commands import ANA
from tests.core.conftest import SessionHarness


async def test_messages_in_the_data_have_the_published_form(harness: SessionHarness) -> None:
    await harness.start()
    first = harness.phone.incoming(ANA, "Hola")
    harness.phone.answers["chats.history"] = {"chat": ANA, "messages": [first], "complete": True}
    response = await harness.session.requests.respond(request_of("chats.history", {"chat": ANA, "id": "r1"}))
    assert response.status is ResponseStatus.DONE
    [message] = response.data["messages"]
    assert (message["body"], message["from"], message["from_me"], message["ack"]) == ("Hola", ANA, False, None)
    assert message["person"]
    assert response.to_json()
