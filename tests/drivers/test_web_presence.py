"""What contacts see of the account besides its messages: read receipts, "online", "typing…"."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bridge.contract.jid import Jid
from bridge.contract.kinds import Text
from bridge.contract.requests import Typing
from bridge.contract.session import SessionState
from bridge.ports import WhatsAppDriver
from tests.drivers.recording import RecordingSink
from tests.drivers.worlds import ANA, CARLA_LID, WebWorld, connected


async def until(condition: Callable[[], bool]) -> None:
    """Poll what no event announces."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def answer(web: WebWorld, driver: WhatsAppDriver, sink: RecordingSink, chat: str) -> None:
    """Receive a message and answer it; returns when the answer is read."""
    web.incoming(chat, "hola")
    await sink.until(lambda: sink.messages[-1:] and str(sink.messages[-1].chat) == chat)
    key = await driver.reserve(Jid.parse(chat))
    await driver.send(key, Text("buenas"))
    await sink.until(lambda: 3 in sink.acks(key.id))


async def test_a_send_sends_no_read_receipt_and_the_account_is_not_online(web: WebWorld) -> None:
    world = web.sandbox.world
    async with connected(web) as (driver, sink):
        await until(lambda: not world.shown_online)
        await answer(web, driver, sink, ANA)
        assert world.directory.chats[ANA].read_to == 0
        seen = len(sink.situations)
        world.faults.reload()
        await sink.until_state(SessionState.CONNECTED, since=seen)
        await driver.resume()
        await until(lambda: not world.shown_online)
        await answer(web, driver, sink, CARLA_LID)
        assert world.directory.chats[CARLA_LID].read_to == 0
        # a lost link that comes back does not change it
        web.link(up=False)
        await sink.until_state(SessionState.RECONNECTING, since=len(sink.situations))
        web.link(up=True)
        await sink.until_state(SessionState.CONNECTED, since=len(sink.situations))
        await asyncio.sleep(0.3)
        assert not world.shown_online


async def test_if_it_is_wanted_the_account_stays_online_and_a_send_marks_the_chat_as_read(web: WebWorld) -> None:
    world = web.sandbox.world
    web.set(watched_ms=300)
    async with connected(web, web.web_driver(available=True)) as (driver, sink):
        await asyncio.sleep(1)  # longer than the page is watched by itself
        assert world.shown_online
        await answer(web, driver, sink, ANA)
        await until(lambda: world.directory.chats[ANA].read_to > 0)


async def test_the_account_is_online_while_it_shows_typing_and_sends_no_receipt_for_it(web: WebWorld) -> None:
    """WhatsApp shows "typing…" only of an account that is online."""
    world = web.sandbox.world
    async with connected(web) as (driver, sink):
        await answer(web, driver, sink, ANA)  # the page owes a receipt, which it sends when it is watched again
        await driver.answer(Typing(to=ANA, seconds=30))
        await until(lambda: ANA in world.typing)
        await driver.answer(Typing(to=CARLA_LID, seconds=0.5))
        await until(lambda: CARLA_LID in world.typing)
        await until(lambda: CARLA_LID not in world.typing)
        assert world.shown_online
        assert ANA in world.typing
        await driver.answer(Typing(to=ANA, seconds=0))
        await until(lambda: not world.shown_online)
        await driver.answer(Typing(to=ANA, seconds=0.5))
        await until(lambda: ANA in world.typing)
        await driver.answer(Typing(to=ANA, seconds=1))  # a repeated one replaces the first
        await asyncio.sleep(0.7)
        assert world.shown_online
        await until(lambda: not world.shown_online)
        assert world.typing == set()
        assert world.directory.chats[ANA].read_to == 0
