"""Groups: people have the bridge's ids, and no command is claimed for a group in which the account may not write."""

from __future__ import annotations

import pytest

from bridge.contract.errors import NotAllowed
from bridge.contract.jid import Jid
from bridge.contract.messages import Stream
from bridge.contract.requests import request_of
from bridge.ports import IncomingEvent, SeenPerson
from tests.core.commands import command
from tests.core.conftest import SessionHarness

GROUP, MEMBER = "120363000000000001@g.us", "188000000000002@lid"
NUMBER = "5491155500002@c.us"
BOTH = SeenPerson(frozenset({Jid.parse(MEMBER), Jid.parse(NUMBER)}))


async def test_people_of_a_request_and_of_an_event_are_the_same_persons(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.answers["groups.add"] = {
        "people": [
            {"to": "55500002", "person": BOTH, "status": "done", "code": None},
            {"to": "1", "person": None, "status": "failed", "code": "not_on_whatsapp"},
        ]
    }
    request = request_of("groups.add", {"group": GROUP, "people": [NUMBER, "5491155500099"], "id": "r1"})
    first, second = (await harness.session.requests.respond(request)).data["people"]
    assert (first["from_pn"], first["from_lid"], second["person"]) == (NUMBER, MEMBER, None)
    fields = {"action": "add", "group": GROUP, "by": MEMBER, "people": [SeenPerson(frozenset({Jid.parse(MEMBER)}))]}
    added = IncomingEvent("group", "n1", harness.phone.now(), Jid.parse(GROUP), fields, Jid.parse(MEMBER))
    for _ in range(2):
        harness.phone.event(added)
    await harness.settled()
    groups = [one for one in await harness.stream(Stream.EVENT, 2) if one["kind"] == "group"]
    assert [(one["action"], one["group"], one["by"], one["chat"]) for one in groups] == [("add", GROUP, MEMBER, GROUP)]
    assert groups[0]["people"] == [{"person": first["person"], "from_pn": NUMBER, "from_lid": MEMBER}]
    assert groups[0]["person"] == first["person"]


async def test_a_group_that_takes_no_message_is_refused_before_the_claim(harness: SessionHarness) -> None:
    harness.phone.chats = {Jid.parse(GROUP)}
    await harness.start()
    await harness.submit(command("Hola", GROUP, id="before"))
    await harness.until(lambda: len(harness.phone.sent) == 1)
    harness.phone.closed_groups = {Jid.parse(GROUP)}
    with pytest.raises(NotAllowed):
        await harness.outbound.submit(command("Hola", GROUP, id="after"))
    assert await harness.reported_now("after") == []
    again = await harness.outbound.submit(command("Hola", GROUP, id="before"))
    assert again.error is None, "a known id has its result, whatever the group says now"
    assert len(harness.phone.sent) == 1
