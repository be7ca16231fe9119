"""The history that the phone sends to a linked device: in pages after the pairing, and on request."""

from __future__ import annotations

import itertools

import pytest

from bridge.sandbox import Sandbox
from bridge.sandbox.changes import MessageArrived
from bridge.sandbox.database import DeviceDatabase
from bridge.sandbox.history import REQUESTED
from bridge.sandbox.world import World
from tests.sandbox.conftest import Tab
from tests.sandbox.test_world import ANA, GROUP, Clock, recorded_changes


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    ids = itertools.count(1)
    return World(clock, lambda: f"{next(ids):018X}")


def set_up(world: World, **changes: object) -> None:
    world.configure(world.state.settings.model_copy(update=changes))


def pair(world: World) -> DeviceDatabase:
    world.linking.open_slot()
    return DeviceDatabase(world, world.linking.scan())


def numbers(database: DeviceDatabase, chat: str = ANA) -> list[int]:
    return [int(record["body"]) for record in database.newest(chat, 10_000)]


def test_it_comes_in_pages_newest_first_while_the_phone_is_on(world: World, clock: Clock) -> None:
    set_up(world, history_page=4, history_pause_ms=1000)
    for number in range(10):
        world.incoming(ANA, str(number))
    database = pair(world)
    changes = recorded_changes(world)
    assert numbers(database) == []
    pages = []
    for _ in range(2):
        world.advance()
        pages.append(numbers(database))
        clock.now += 1
    set_up(world, phone_on=False)
    world.advance()
    assert numbers(database) == pages[-1]
    assert world.next_due() is None
    set_up(world, phone_on=True)
    world.advance()
    assert [*pages, numbers(database)] == [list(range(6, 10)), list(range(2, 10)), list(range(10))]
    assert world.next_due() is None
    assert not [change for change in changes if isinstance(change, MessageArrived)]


def test_more_of_a_chat_comes_on_request(world: World, clock: Clock) -> None:
    set_up(world, history_page=2, history_pages=1)
    for number in range(REQUESTED + 10):
        world.incoming(ANA, str(number))
    world.incoming(GROUP, "0", author=ANA)
    database = pair(world)
    world.advance()
    assert (numbers(database), numbers(database, GROUP)) == ([REQUESTED + 9], [0])
    for oldest in (9, 0):
        world.history.request(database.device, ANA)
        world.advance()
        clock.now += 1
        world.advance()
        assert numbers(database)[0] == oldest
    assert numbers(database) == list(range(REQUESTED + 10))


ASK = """(chat) => require('WAWebSendNonMessageDataRequest')
  .sendPeerDataOperationRequest(3, {chatId: WPP.chat.get(chat).id})"""


async def test_a_page_asks_the_phone_for_more_and_is_not_notified(sandbox: Sandbox, tab: Tab) -> None:
    set_up(sandbox.world, history_page=3, history_pages=1, history_pause_ms=50)
    for number in range(10):
        sandbox.world.incoming(ANA, str(number))
    sandbox.world.linking.scan()
    await tab.usable()
    bodies = "async (chat) => (await WPP.chat.getMessages(chat, {count: -1})).map((m) => m.body).join('')"
    # wa-js leaves out the newest message, which came with the history and is not in memory
    await tab.until(f"async (chat) => (await ({bodies})(chat)) === '78'", ANA)
    await tab.run(ASK, ANA)
    await tab.until(f"async (chat) => (await ({bodies})(chat)) === '012345678'", ANA)
    assert await tab.events("chat.new_message") == []
