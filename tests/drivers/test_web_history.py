"""Catch-up over the page's database: its order, and the names that its rows lack."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bridge.contract.session import SessionState
from bridge.ports import IncomingMessage
from bridge.sandbox.database import DeviceDatabase
from tests.drivers.recording import running
from tests.drivers.worlds import ANA, CARLA, CARLA_LID, DARIO, ELENA, GROUP, MEMBER, WebWorld, connected


async def collected(web: WebWorld, since: int = 0) -> list[IncomingMessage]:
    """What catch-up finds after a restart of the bridge."""
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        return [message async for batch in driver.collect({}, since) for message in batch]


@pytest.mark.parametrize("older", [0, 3, 120])
async def test_a_first_row_with_a_newer_time_does_not_reverse_a_page(web: WebWorld, older: int) -> None:
    """The page's rows are ascending, except that a system message may have the time at which the page wrote it."""
    world, now = web.sandbox.world, int(time.time()) - 1000
    for number in range(older):
        world.incoming(ANA, f"{number}", t=now)
    world.incoming(ANA, "", kind="e2e_notification", t=now + 500)
    for number in range(older, older + 99):  # a page has 100 rows
        world.incoming(ANA, f"{number}", t=now)
    async with connected(web):
        pass
    texts = [message.body for message in await collected(web) if message.type == "chat"]
    assert texts == [f"{number}" for number in range(older + 99)]


async def test_messages_that_come_while_their_chat_is_read_stay_in_order(
    web: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest one is not taken without the one before it, which is announced later."""
    async with connected(web):
        web.incoming(ANA, "0")
    driver, find, coming = web.web_driver(), DeviceDatabase.find, ["2", "1"]

    def find_slowly(database: DeviceDatabase, anchor: str, count: int | None, *, before: bool) -> list[Any] | None:
        found = find(database, anchor, count, before=before)
        while coming and before:
            web.incoming(ANA, coming.pop())  # the page has them before this answer
        return found

    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        monkeypatch.setattr(DeviceDatabase, "find", find_slowly)
        bodies = [message.body async for batch in driver.collect({}, 0) for message in batch]
        assert not coming
        await driver.resume()
        await sink.until(lambda: {"1", "2"} <= {*bodies, *(message.body for message in sink.messages)})
    assert list(dict.fromkeys([*bodies, *(message.body for message in sink.messages)])) == ["0", "1", "2"]


@pytest.mark.parametrize("wrong", [0, -5, 2**36, 2**33])
async def test_a_message_without_a_valid_time_is_found_in_its_place(web: WebWorld, wrong: int) -> None:
    """It hides no other, and does not count as new where it lies in the past."""
    world, now = web.sandbox.world, int(time.time()) - 1000
    async with connected(web):
        pass
    texts = []
    for number in range(250):  # some of them begin a page of 100 rows
        texts += [f"{number}", "sin hora"] if number % 10 == 9 else [f"{number}"]
        world.incoming(ANA, f"{number}", t=now + number)
        if number % 10 == 9:
            world.incoming(ANA, "sin hora", t=wrong)
    world.incoming(ELENA, "sola", t=wrong)
    for text, t in (("primera", wrong), ("segunda", now + 5), ("tercera", now + 6)):
        world.incoming(GROUP, text, t=t, author=MEMBER)
    world.incoming(DARIO, "antes", t=now - 5000)
    world.incoming(DARIO, "vieja", t=wrong)
    found = await collected(web, since=now)
    assert [message.body for message in found if str(message.chat) == ANA] == texts
    times = {message.body: message.timestamp for message in found}
    assert times["sin hora"] == now + 249
    assert times["primera"] == now + 5  # not now: the chat's watermark would pass the rest of it
    assert times["sola"] == pytest.approx(time.time(), abs=60)  # of any age: it is not left out
    assert "vieja" not in times


async def test_messages_found_after_a_load_have_the_name_of_the_contact(web: WebWorld) -> None:
    """The database keeps no `notifyName`."""
    async with connected(web) as (_, sink):
        web.incoming(ELENA, "en vivo")
        await sink.until(lambda: sink.messages)
        assert [message.notify_name for message in sink.messages] == ["Elena"]
    web.incoming(ANA, "hola")
    web.incoming(CARLA, "hola")
    web.incoming(GROUP, "hola", MEMBER)
    web.own(ANA, "hola")
    names = {(str(m.chat), m.key.from_me): m.notify_name for m in await collected(web)}
    assert names == {
        (ELENA, False): None,  # not in the address book
        (ANA, False): "Ana",
        (CARLA_LID, False): "Carla",
        (GROUP, False): "Bruno",
        (ANA, True): None,
    }
