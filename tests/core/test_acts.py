"""Reactions, edits, revocations, forwarded messages: claimed once, in order, repeated only where that is harmless."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.contract.commands import SendCommand, checked
from bridge.contract.errors import InvalidRequest, MessageNotFound
from bridge.contract.kinds.edit import EDITABLE, Edit
from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from bridge.drivers.scripted import SendMode
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import SessionHarness


def act(**fields: Any) -> SendCommand:
    return checked(SendCommand, fields)


async def results(harness: SessionHarness, command_id: str) -> list[dict[str, Any]]:
    return [notice for notice in await harness.notices() if notice["id"] == command_id]


async def test_a_reaction_names_its_chat_by_the_message_and_gets_one_result(harness: SessionHarness) -> None:
    message = harness.phone.incoming(ANA, "Hola")
    await harness.start()
    first = await harness.submit(act(id="r", reaction={"message_id": message.id, "emoji": "👍"}))
    assert (first.status, first.to) == ("accepted", ANA)
    assert await harness.reported("r", 2) == ["accepted", "sent"]
    [_, sent] = await results(harness, "r")
    assert (sent["message_id"], sent["chat"]) == (message.id, ANA)
    assert [raw_id for raw_id, _ in harness.phone.acts] == [message.key.id]
    again = await harness.submit(act(id="r", reaction={"message_id": message.id, "emoji": "👍"}))
    assert again.status == "sent"
    assert len(harness.phone.acts) == 1


async def test_an_ack_of_the_message_belongs_to_the_command_that_sent_it(harness: SessionHarness) -> None:
    harness.phone.acks = (1,)
    await harness.start()
    await harness.submit(command(id="m"))
    await harness.reported("m", 3)
    await harness.submit(act(id="r", reaction={"command_id": "m", "emoji": "👍"}))
    await harness.reported("r", 2)
    harness.phone.acknowledge(harness.phone.sent[0].key.id, 3)
    assert await harness.reported("m", 4) == ["accepted", "sent", "server", "read"]
    assert await harness.reported_now("r") == ["accepted", "sent"]


async def test_a_command_and_what_is_done_to_it_may_come_back_to_back(harness: SessionHarness) -> None:
    """The bridge waits until the message is sent, also over a restart."""
    harness.phone.send_mode = SendMode.UNAVAILABLE
    await harness.start()
    await harness.submit(command(id="m"))
    await harness.submit(act(id="e", edit={"command_id": "m", "message": "Hola, Ana"}))
    await harness.submit(act(id="r", revoke={"command_id": "m"}))
    harness.phone.send_mode = SendMode.NORMAL
    await harness.again()
    harness.advance(60)
    await harness.reported("r", 2)
    [message] = harness.phone.sent
    assert [(raw_id, one.kind) for raw_id, one in harness.phone.acts] == [
        (message.key.id, "edit"),
        (message.key.id, "revoke"),
    ]
    [accepted, _] = await results(harness, "e")
    assert accepted["to"] == ANA


@pytest.mark.parametrize("content", [{"revoke": {"command_id": "m"}}, {"edit": {"command_id": "e", "message": "x"}}])
async def test_an_unknown_command_is_not_found(harness: SessionHarness, content: dict[str, Any]) -> None:
    await harness.start()
    with pytest.raises(MessageNotFound):
        await harness.submit(act(id="e", **content))


async def test_a_command_that_sent_nothing_has_no_message(harness: SessionHarness) -> None:
    harness.phone.send_mode = SendMode.REFUSED
    await harness.start()
    await harness.submit(command(id="m"))
    await harness.reported("m", 2)
    harness.phone.send_mode = SendMode.NORMAL
    await harness.submit(act(id="r", reaction={"command_id": "m", "emoji": "👍"}))
    await harness.submit(act(id="rr", to=ANA, reaction={"command_id": "r", "emoji": "👍"}))
    for command_id in ("r", "rr"):
        assert await harness.reported(command_id, 2) == ["accepted", "failed:not_found"]


async def test_only_own_messages_are_edited_and_only_for_15_minutes(harness: SessionHarness) -> None:
    theirs, own = harness.phone.incoming(ANA, "Hola"), harness.phone.own(ANA, "Buen día")
    await harness.start()
    await harness.submit(act(id="theirs", edit={"message_id": theirs.id, "message": "x"}))
    await harness.submit(act(id="own", edit={"message_id": own.id, "message": "x"}))
    await harness.reported("own", 2)
    harness.clock.unix += EDITABLE + 1
    await harness.submit(act(id="late", edit={"message_id": own.id, "message": "y"}, ttl=0))
    for command_id, expected in (("theirs", "failed:not_allowed"), ("own", "sent"), ("late", "failed:refused")):
        assert await harness.reported(command_id, 2) == ["accepted", expected]


async def test_a_message_of_another_chat_is_not_found(harness: SessionHarness) -> None:
    message = harness.phone.incoming(ANA, "Hola")
    harness.phone.incoming(BETO, "Hola")
    await harness.start()
    await harness.submit(act(id="r", to=BETO, reaction={"message_id": message.key.id, "emoji": "👍"}))
    assert await harness.reported("r", 2) == ["accepted", "failed:not_found"]
    assert harness.phone.acts == []


def texts(harness: SessionHarness) -> list[str]:
    return [one.message for _, one in harness.phone.acts if isinstance(one, Edit)]


@pytest.mark.parametrize("mode", [SendMode.CALL_LOST, SendMode.ANSWER_LOST])
@pytest.mark.parametrize("restart", [False, True])
async def test_an_act_in_doubt_is_done_again_before_what_follows(
    harness: SessionHarness, mode: SendMode, *, restart: bool
) -> None:
    own = harness.phone.own(ANA, "Buen día")
    await harness.start()
    harness.phone.send_mode, harness.phone.call_limit = mode, 3600.0 if restart else 0.0

    async def submit() -> None:
        for name, text in (("a", "uno"), ("b", "dos")):
            await harness.submit(act(id=name, edit={"message_id": own.id, "message": text}))

    if restart:  # killed while the call runs
        await submit()
        await harness.until(lambda: bool(harness.outbound._running))
        harness.phone.send_mode = SendMode.NORMAL
        await harness.again()
    else:
        async with harness.disconnecting():
            await submit()
        harness.phone.send_mode = SendMode.NORMAL
        await harness.reach(SessionState.CONNECTED)
        harness.advance(60)
    assert await harness.reported("b", 2) == await harness.reported("a", 2) == ["accepted", "sent"]
    assert set(texts(harness)) == {"uno", "dos"}
    assert texts(harness)[-1] == "dos", "an edit in doubt never overwrites a later one"


async def test_an_act_in_doubt_that_cannot_be_done_again_is_unknown(harness: SessionHarness) -> None:
    own = harness.phone.own(ANA, "Buen día")
    await harness.start()
    harness.phone.send_mode = SendMode.ANSWER_LOST
    async with harness.disconnecting():
        await harness.submit(act(id="a", revoke={"message_id": own.id}, ttl=30))
        await harness.submit(act(id="b", edit={"message_id": own.id, "message": "x"}, ttl=30))
    harness.phone.send_mode = SendMode.UNAVAILABLE
    harness.advance(31)
    assert await harness.reported("a", 2) == ["accepted", "unknown"]
    assert await harness.reported("b", 2) == ["accepted", "failed:expired"]


async def test_an_act_that_the_page_could_not_take_was_not_done(harness: SessionHarness) -> None:
    own = harness.phone.own(ANA, "Buen día")
    await harness.start()
    harness.phone.send_mode = SendMode.UNAVAILABLE
    await harness.submit(act(id="a", revoke={"message_id": own.id}, ttl=30))
    await harness.until(lambda: not harness.outbound._running)
    harness.advance(31)
    assert await harness.reported("a", 2) == ["accepted", "failed:expired"]


async def test_a_forwarded_message_gets_the_id_that_whatsapp_gives_it(harness: SessionHarness) -> None:
    harness.phone.acks = (1,)
    message = harness.phone.incoming(ANA, "La dirección es…")
    await harness.start()
    with pytest.raises(InvalidRequest):
        act(forward={"message_id": message.id})
    await harness.submit(act(id="f", to=BETO, forward={"message_id": message.id}))
    assert await harness.reported("f", 3) == ["accepted", "sent", "server"]
    [_, sent, *_] = await results(harness, "f")
    [delivered] = harness.phone.sent
    assert sent["message_id"] == str(delivered.key)
    [event] = await harness.stream(Stream.EVENT, 1)
    assert (event["kind"], event["command"]["id"]) == ("sent_message", "f")


async def test_a_message_that_is_gone_cannot_be_forwarded(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(act(id="f", to=BETO, forward={"message_id": f"false_{ANA}_3EB0DEADBEEF"}))
    assert await harness.reported("f", 2) == ["accepted", "failed:not_found"]
