"""The chats and their messages, read from WhatsApp's page on request."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid
from bridge.contract.kinds import Text
from bridge.contract.requests import CheckContacts, Request, request_of
from bridge.drivers.web import WebDriver
from bridge.ports import CallInDoubt, IncomingMessage
from tests.drivers.worlds import ANA, CARLA, CARLA_LID, GROUP, MEMBER, WebWorld, connected


def request(action: str, **arguments: Any) -> Request:
    return request_of(action, arguments)


def bodies(messages: list[IncomingMessage]) -> list[str]:
    return [message.body for message in messages]


async def test_chats_are_listed_newest_first_and_in_pages(web: WebWorld) -> None:
    web.incoming(GROUP, "¿Vienen?", author=MEMBER)
    web.incoming(ANA, "Hola")
    async with connected(web) as (driver, sink):
        web.incoming(ANA, "¿Estás?")
        await sink.until(lambda: sink.messages)
        whole = await driver.answer(request("chats.list"))
        assert whole["next"] is None
        names = [chat["chat"] for chat in whole["chats"]]
        assert names[:2] == [ANA, GROUP]
        ana = whole["chats"][0]
        assert (ana["name"], ana["group"], ana["archived"], ana["pinned"], ana["muted_until"]) == (
            *("Ana", False, False, False),
            None,
        )
        assert ana["unread"] >= 1
        assert (ana["last"].body, str(ana["last"].chat)) == ("¿Estás?", ANA)
        assert whole["chats"][1]["group"] is True
        pages, after = [], None
        while True:
            page = await driver.answer(request("chats.list", limit=1, **({"after": after} if after else {})))
            pages += [chat["chat"] for chat in page["chats"]]
            if (after := page["next"]) is None:
                break
        assert pages == names
        found = await driver.answer(request("chats.list", search="aNa"))
        assert [chat["chat"] for chat in found["chats"]] == [ANA]


async def test_the_history_of_a_chat_is_read_in_pages(web: WebWorld) -> None:
    for number in range(130):
        web.incoming(ANA, str(number))
    async with connected(web) as (driver, sink):
        key = await driver.reserve(await driver.resolve(Jid.parse(ANA)))
        await driver.send(key, Text("Listo"))
        await sink.until(lambda: sink.acks(key.id) == [1, 2, 3])
        found: list[IncomingMessage] = []
        while True:
            before = {"before": found[0].id} if found else {}
            page = await driver.answer(request("chats.history", chat="+54 9 11 5550-0001", limit=50, **before))
            assert page["chat"] == ANA
            found = [*page["messages"], *found]
            if page["complete"]:
                break
        assert bodies(found) == [*map(str, range(130)), "Listo"]
        assert (found[-1].key, found[-1].ack, found[0].ack) == (key, 3, None)
        with pytest.raises(InvalidRequest, match="no such chat"):
            await driver.answer(request("chats.history", chat="5491155500098"))


async def test_older_messages_come_from_the_phone_on_request(web: WebWorld) -> None:
    for number in range(8):
        web.incoming(ANA, str(number))
    web.withhold_history()
    async with connected(web) as (driver, sink):
        web.incoming(ANA, "nuevo")
        await sink.until(lambda: sink.messages)
        asked = {"chat": ANA, "before": sink.messages[0].id, "limit": 10}
        assert bodies((await driver.answer(request("chats.history", **asked)))["messages"]) == []
        page = await driver.answer(request("chats.history", **asked, from_phone=True))
        assert bodies(page["messages"]) == [str(number) for number in range(8)]


async def test_numbers_are_checked_in_every_spelling_and_no_chat_is_made(web: WebWorld) -> None:
    directory = web.sandbox.world.directory
    async with connected(web) as (driver, _):
        asked = ["5491155500001@c.us", "541155500005@c.us", "5491155500008@c.us", "5491155500009@c.us"]
        before = dict(directory.chats)
        ana, elena, broken, none = await driver.answer(CheckContacts(contacts=asked))
        assert (ana["exists"], ana["chat"]) == (True, ANA)
        assert (elena["exists"], elena["chat"]) == (True, "5491155500005@c.us")
        assert (broken["exists"], broken["code"]) == (None, "internal")
        assert (none["exists"], none["chat"]) == (False, None)
        assert directory.chats == before
        assert ANA not in directory.looked_up, "a number with a chat is not asked for"
        directory.looked_up.clear()
        await driver.answer(CheckContacts(contacts=asked[3:]))
        assert await driver.resolve(Jid.parse(asked[1])) == Jid.parse("5491155500005@c.us")
        assert directory.looked_up == ["5491155500005@c.us"], "a send knows what was checked"


async def test_a_fault_on_the_way_of_a_change_leaves_it_unknown(web: WebWorld) -> None:
    trip = """() => {
        const fault = Object.assign(new Error("the page tripped"), { known: { people: [1] } });
        const chat = Object.create(WPP.chat, { markIsRead: { value: () => Promise.reject(fault) } });
        window.WPP = Object.create(WPP, { chat: { value: chat } });
    }"""
    async with connected(web) as (driver, sink):
        web.incoming(CARLA, "¿Me leés?")
        await sink.until(lambda: sink.messages)
        assert isinstance(driver, WebDriver)
        await driver._page_loop.connected_page()._page.evaluate(trip)
        with pytest.raises(CallInDoubt, match="the page tripped") as doubt:
            await driver.answer(request("chats.read", chat=CARLA))
        assert doubt.value.known == {"people": [1]}
        with pytest.raises(InvalidRequest, match="no such chat"):  # a refusal is none
            await driver.answer(request("chats.read", chat="5491155500098"))


async def test_a_chat_is_marked_as_read(web: WebWorld) -> None:
    async with connected(web) as (driver, sink):
        web.incoming(CARLA, "¿Me leés?")
        await sink.until(lambda: sink.messages)
        conversation = web.sandbox.world.directory.open_chat(CARLA_LID)
        await driver.answer(request("chats.read", chat=CARLA))
        await sink.until(lambda: conversation.read_to == len(web.sandbox.world.state.messages))
