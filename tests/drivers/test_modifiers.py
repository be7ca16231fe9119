"""Replies, mentions and link previews, on WhatsApp's page and on the scripted phone."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.contract.errors import BridgeError, InvalidRequest, MessageNotFound
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Text
from bridge.contract.modifiers import Modifiers
from bridge.ports import WhatsAppDriver
from tests.drivers.worlds import ANA, GROUP, MEMBER, WebWorld, World, connected


async def send(driver: WhatsAppDriver, chat: str, text: str, **modifiers: Any) -> MessageKey:
    key = await driver.reserve(await driver.resolve(Jid.parse(chat)))
    assert await driver.send(key, Text(text), Modifiers(**modifiers)) >= 0
    return key


async def test_a_message_is_answered_by_its_whole_id_or_by_whatsapps_part(world: World) -> None:
    raw_id = world.incoming(ANA, "¿Cuánto sale?")
    async with connected(world) as (driver, _):
        for reply_to in (raw_id, f"false_{ANA}_{raw_id}"):
            key = await send(driver, ANA, "$ 100", reply_to=reply_to)
            assert world.sent()[key.id] == ("$ 100", 1)
        with pytest.raises(MessageNotFound):
            await send(driver, ANA, "$ 100", reply_to="3EB0DEADBEEFDEADBEEF")
        assert len(world.sent()) == 2


async def test_the_quote_names_the_message(web: WebWorld) -> None:
    in_group = web.incoming(GROUP, "¿Vienen?", author=MEMBER)
    async with connected(web) as (driver, _):
        own = await send(driver, ANA, "Buen día")
        answered = await send(driver, ANA, "¿Seguís ahí?", reply_to=str(own))
        in_chat = await send(driver, GROUP, "Sí", reply_to=in_group)
    found = {message.id: message.quoted for message in web.sandbox.world.state.messages}
    assert (found[answered.id], found[in_chat.id]) != (None, None)
    assert found[answered.id].id == own.id  # type: ignore[union-attr]
    assert (found[in_chat.id].id, found[in_chat.id].participant) == (in_group, MEMBER)  # type: ignore[union-attr]


async def test_a_message_that_is_not_in_memory_is_answered(web: WebWorld) -> None:
    old = web.incoming(ANA, "la primera")
    for number in range(120):
        web.incoming(ANA, str(number))
    async with connected(web) as (driver, _):
        key = await send(driver, ANA, "recién la leo", reply_to=old)
    quoted = web.sandbox.world.message(key.id)
    assert quoted is not None
    assert quoted.quoted is not None
    assert quoted.quoted.id == old


async def test_people_of_a_group_are_mentioned(web: WebWorld) -> None:
    contact = next(c for c in web.sandbox.world.state.contacts if c.lid == MEMBER)
    assert contact.pn is not None
    number = contact.pn.split("@")[0]
    async with connected(web) as (driver, _):
        one = await send(driver, GROUP, f"@{number} ¿venís?", mentions=[contact.pn])
        everybody = await send(driver, GROUP, "A todos", mentions=["all"])
        with pytest.raises(
            BridgeError, match=r"Only members of the group can be mentioned: 5491155500099 is none\."
        ) as no:
            await send(driver, GROUP, "¿Y vos?", mentions=["5491155500099@c.us"])
        assert isinstance(no.value, InvalidRequest)
    world = web.sandbox.world
    first, second = world.message(one.id), world.message(everybody.id)
    assert first is not None
    assert second is not None
    assert first.fields["mentionedJidList"] == [MEMBER]
    assert first.body == f"@{MEMBER.split('@')[0]} ¿venís?", "as WhatsApp writes it"
    assert set(world.directory.open_chat(GROUP).participants) < set(second.fields["mentionedJidList"])


async def test_a_preview_is_shown_only_where_it_is_asked_for(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        plain = await send(driver, ANA, "mirá https://example.org/oferta")
        shown = await send(driver, ANA, "mirá https://example.org/oferta", link_preview=True)
    world = web.sandbox.world
    first, second = world.message(plain.id), world.message(shown.id)
    assert first is not None
    assert second is not None
    assert "title" not in first.fields
    assert (second.fields["title"], second.fields["matchedText"]) == ("example.org", "https://example.org/oferta")
