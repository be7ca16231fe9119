"""What people do to messages: journalled once, with the person who did it."""

from __future__ import annotations

from typing import Any

from bridge.contract.jid import Jid
from bridge.contract.messages import Stream
from bridge.core.inbound import LIVE_STEP, OVERTAKEN
from bridge.core.unread_chats import ACTS_RETRIED
from bridge.drivers.scripted.phone import ACCOUNT
from bridge.ports import IncomingEvent
from tests.core.commands import ANA
from tests.core.conftest import SessionHarness

GROUP, MEMBER = "120363000000000001@g.us", "188000000000002@lid"


def event(harness: SessionHarness, kind: str, chat: str, who: str, once: str, **fields: Any) -> IncomingEvent:
    person = Jid.parse(who)
    return IncomingEvent(kind, once, harness.phone.now(), Jid.parse(chat), fields, person)


async def test_each_is_journalled_once_with_its_author(harness: SessionHarness) -> None:
    message = harness.phone.incoming(GROUP, "¿Vienen?", author=MEMBER)
    await harness.start()
    reaction = event(harness, "reaction", GROUP, MEMBER, "r", message_id=message.id, emoji="👍", author=MEMBER)
    edit = event(harness, "edit", GROUP, MEMBER, "e", message_id=message.id, body="¿Vienen hoy?")
    revoke = event(harness, "revoke", GROUP, MEMBER, "v", message_id=message.id, by=MEMBER)
    vote = event(harness, "poll_vote", ANA, ANA, "p", message_id="false_x", selected=["Lunes"], author=ANA)
    for one in (reaction, edit, reaction, revoke, vote, edit):
        harness.phone.event(one)
    await harness.settled()
    found = await harness.stream(Stream.EVENT, 4)
    assert [one["kind"] for one in found] == ["reaction", "edit", "revoke", "poll_vote"]
    first, second, third, fourth = found
    assert (first["message_id"], first["emoji"], first["author"]) == (message.id, "👍", MEMBER)
    assert (second["body"], third["by"], fourth["selected"]) == ("¿Vienen hoy?", MEMBER, ["Lunes"])
    [received] = await harness.stream(Stream.IN, 1)
    assert {one["person"] for one in (first, second, third)} == {received["person"]}
    assert fourth["person"] not in (None, first["person"])
    await harness.again()
    harness.phone.event(edit)
    await harness.settled()
    assert len(await harness.stream(Stream.EVENT, 4)) == 4


async def test_what_this_account_does_is_about_the_other_side(harness: SessionHarness) -> None:
    message = harness.phone.incoming(ANA, "Hola")
    await harness.start()
    harness.phone.event(
        event(harness, "reaction", ANA, str(ACCOUNT), "r", message_id=message.id, emoji="👍", author=str(ACCOUNT))
    )
    [one] = await harness.stream(Stream.EVENT, 1)
    [received] = await harness.stream(Stream.IN, 1)
    assert (one["author"], one["person"]) == (str(ACCOUNT), received["person"])


async def test_reactions_are_looked_for_since_the_session_was_live(harness: SessionHarness) -> None:
    await harness.start()
    inbound = harness.session._inbound
    paired = inbound.acts_since
    assert paired == harness.phone.paired_at
    harness.clock.advance(LIVE_STEP + OVERTAKEN + 5)
    harness.phone.incoming(ANA, "Hola")
    await harness.stream(Stream.IN, 1)
    await harness.settled()
    await harness.again()
    assert harness.session._inbound.acts_since == harness.phone.now() - OVERTAKEN


async def test_acts_that_could_not_be_read_are_looked_for_again_for_a_week(harness: SessionHarness) -> None:
    await harness.start()
    paired = harness.session._inbound.acts_since
    await harness.end()
    harness.phone.damaged_acts = True
    await harness.start()
    harness.clock.advance(LIVE_STEP + OVERTAKEN + 5)
    harness.phone.incoming(ANA, "Hola")  # live: what is done from now on is announced
    await harness.stream(Stream.IN, 1)
    await harness.settled()
    await harness.again()
    assert harness.session._inbound.acts_since == paired
    harness.clock.advance(ACTS_RETRIED)
    harness.phone.incoming(ANA, "¿Estás?")
    await harness.stream(Stream.IN, 2)
    await harness.settled()
    await harness.again()
    assert harness.session._inbound.acts_since == harness.phone.now() - ACTS_RETRIED
    harness.phone.damaged_acts = False
    await harness.again()  # reads them
    await harness.again()
    assert harness.session._inbound.acts_since > harness.phone.now() - ACTS_RETRIED
    assert await harness.store.memory.get("unread") == "{}"
