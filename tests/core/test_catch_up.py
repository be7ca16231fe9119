"""Catch-up before `connected`: missed messages are journalled first, from the current page."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from bridge.contract.controls import ControlAction
from bridge.contract.errors import CodedError
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.messages import MessageContent, Stream
from bridge.contract.session import Reason, SessionState
from bridge.core.catch_up import CatchUpLimits
from bridge.core.session_view import StateChange, ViewChange
from bridge.drivers.scripted import ScriptedDriver
from bridge.ports import Acquaintance, IncomingMessage
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import SessionHarness

_S = SessionState
LID = "188000000000001@lid"


class HeldCatchUp:
    """The scripted driver whose catch-up waits for the test, and may fail."""

    def __init__(self, driver: ScriptedDriver) -> None:
        self._driver = driver
        self.collecting = asyncio.Event()
        self.go_on = asyncio.Event()
        self.failures = 0
        self.reloads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def collect(
        self, since: Mapping[str, int], baseline: int, acts_since: int = 0
    ) -> AsyncGenerator[Sequence[IncomingMessage], None]:
        self.collecting.set()
        await self.go_on.wait()
        if self.failures:
            self.failures -= 1
            raise CodedError("the page does not answer")
        async for batch in self._driver.collect(since, baseline):
            yield batch

    async def reload(self) -> None:
        self.reloads += 1
        await self._driver.reload()


async def held(harness: SessionHarness) -> HeldCatchUp:
    """Start, and block in the first catch-up."""
    drivers: list[HeldCatchUp] = []

    def around(driver: ScriptedDriver) -> HeldCatchUp:
        drivers.append(HeldCatchUp(driver))
        return drivers[-1]

    await harness.start(connected=False, around_driver=around)
    await asyncio.wait_for(drivers[0].collecting.wait(), 5)
    return drivers[0]


async def texts(harness: SessionHarness, count: int) -> list[tuple[str, bool]]:
    return [(message["body"], message["late"]) for message in await harness.stream(Stream.IN, count)]


async def test_missed_messages_precede_live_ones(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "1")
    await harness.stream(Stream.IN, 1)
    await harness.end()
    for number, chat in enumerate((ANA, BETO, ANA), 2):
        harness.clock.advance(1)
        harness.phone.incoming(chat, str(number))
    harness.clock.advance(1)
    driver = await held(harness)
    harness.phone.incoming(BETO, "live")
    assert harness.state is _S.CONNECTING
    assert harness.session.view.situation.reason is Reason.CATCHING_UP
    assert harness.store.journal.bounds(Stream.IN).last == 1
    driver.go_on.set()
    found = await texts(harness, 5)
    assert found[0] == ("1", False)
    assert sorted(found[1:4]) == [("2", True), ("3", True), ("4", True)]
    assert found.index(("2", True)) < found.index(("4", True))
    # announced by the page and collected: published once
    await harness.reach(_S.CONNECTED)
    await harness.settled()
    assert len(await harness.stream(Stream.IN, 5)) == 5


async def test_nothing_is_sent_before_catch_up_is_done(harness: SessionHarness) -> None:
    driver = await held(harness)
    await harness.submit(command(id="a"))
    await asyncio.sleep(0.05)
    assert harness.sent() == []
    driver.go_on.set()
    await harness.reported("a", 3)


async def test_a_link_lost_during_catch_up_is_never_reported_as_connected(harness: SessionHarness) -> None:
    driver = await held(harness)
    states: list[_S] = []
    with harness.session.view.watch() as changes:
        harness.phone.link(up=False)
        driver.go_on.set()
        while _S.RECONNECTING not in states:
            change = await asyncio.wait_for(changes.get(), 5)
            assert isinstance(change, StateChange)
            states.append(change.situation.state)
        assert _S.CONNECTED not in states
        assert not harness.outbound.is_open
        harness.phone.link(up=True)
        await harness.reach(_S.CONNECTED)


async def test_a_link_lost_as_catch_up_ends_is_never_reported_as_connected(harness: SessionHarness) -> None:
    class BreaksThen(ScriptedDriver):
        async def resume(self) -> None:
            await super().resume()
            if self._phone.link_up and not harness.outbound.is_open:
                self._phone.link(up=False)
                await harness.until(lambda: not harness.session._runs._reports.empty())

    await harness.start(connected=False, around_driver=lambda _: BreaksThen(harness.phone))
    states = [harness.state]
    with harness.session.view.watch() as changes:
        while states[-1] is not _S.RECONNECTING:
            change = await asyncio.wait_for(changes.get(), 5)
            assert isinstance(change, StateChange)
            states.append(change.situation.state)
    assert _S.CONNECTED not in states
    assert not harness.outbound.is_open


async def test_a_catch_up_that_ends_while_the_session_is_closed_starts_no_send(harness: SessionHarness) -> None:
    driver = await held(harness)
    driver.go_on.set()
    await harness.reach(_S.CONNECTED)
    driver.go_on.clear()
    driver.collecting.clear()
    harness.phone.delay = 0.3
    await harness.submit(command(id="a"))
    await harness.until(lambda: len(harness.outbound._running) == 1)
    harness.phone.link(up=False)
    await harness.reach(_S.RECONNECTING)
    harness.phone.link(up=True)
    await driver.collecting.wait()
    with harness.session.view.watch() as changes:
        closing = asyncio.create_task(harness.session.control(ControlAction.CLOSE))
        await harness.until(lambda: harness.session._runs._quiet)
        driver.go_on.set()  # the running send keeps the page open
        await closing
        seen = [change.situation.state for change in _so_far(changes) if isinstance(change, StateChange)]
    assert seen == [_S.STOPPED]
    assert not harness.outbound.is_open


def _so_far(changes: asyncio.Queue[ViewChange]) -> list[ViewChange]:
    return [changes.get_nowait() for _ in range(changes.qsize())]


async def test_a_failed_catch_up_reloads_the_page(harness: SessionHarness) -> None:
    driver = await held(harness)
    harness.phone.incoming(ANA, "1")
    harness.clock.advance(1)
    driver.failures = 2
    driver.go_on.set()
    assert await texts(harness, 1) == [("1", True)]
    await harness.reach(_S.CONNECTED)
    assert driver.reloads == 2


async def test_a_chat_whose_number_became_a_lid_is_not_read_from_that_day_on(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "by number")
    await harness.stream(Stream.IN, 1)
    harness.clock.advance(86400)
    harness.phone.incoming(LID, "by LID")
    await harness.stream(Stream.IN, 2)
    await harness.store.people.keep(Acquaintance(pairs=[(LID, ANA)]))
    marks = await harness.store.journal.watermarks()
    assert marks[LID] > marks[ANA]
    await harness.again()
    assert await harness.store.journal.watermarks() == {ANA: marks[LID], LID: marks[LID]}


async def test_an_incomplete_chat_is_read_again_after_a_kill(harness: SessionHarness) -> None:
    """Newer messages have moved its watermark past the gap."""
    await harness.start()
    await harness.end()
    for number in range(3):
        harness.phone.incoming(ANA, str(number))
        harness.clock.advance(1)
    harness.phone.damaged.add(Jid.parse(ANA))
    await harness.start()
    harness.phone.incoming(ANA, "live")
    assert await texts(harness, 2) == [("2", True), ("live", False)]
    await harness.again()
    harness.phone.incoming(BETO, "still damaged")
    assert (await texts(harness, 3))[2:] == [("still damaged", False)]
    harness.phone.damaged.clear()
    await harness.again()
    assert (await texts(harness, 5))[3:] == [("0", True), ("1", True)]
    assert await harness.store.memory.get("unread") == "{}"


class Piecemeal(HeldCatchUp):
    """Delivers one chat after the other, each after a pause that the test sets."""

    pause = 0.1

    async def collect(
        self, since: Mapping[str, int], baseline: int, acts_since: int = 0
    ) -> AsyncGenerator[Sequence[IncomingMessage], None]:
        async for batch in self._driver.collect(since, baseline):
            for message in batch:
                await asyncio.sleep(self.pause)
                yield [message]


async def test_a_catch_up_may_take_long_while_it_makes_progress(harness: SessionHarness) -> None:
    harness.catch_up = CatchUpLimits(stalled=0.3)
    for number in range(6):
        harness.phone.incoming(ANA, str(number))
    drivers: list[Piecemeal] = []

    def around(driver: ScriptedDriver) -> Piecemeal:
        drivers.append(Piecemeal(driver))
        return drivers[-1]

    await harness.start(around_driver=around)
    assert [text for text, _ in await texts(harness, 6)] == [str(number) for number in range(6)]
    assert drivers[0].reloads == 0
    drivers[0].pause = 60
    harness.phone.link(up=False)
    await harness.reach(_S.RECONNECTING)
    harness.phone.link(up=True)
    await harness.until(lambda: drivers[0].reloads > 0)
    assert harness.state is not _S.CONNECTED


@pytest.mark.parametrize("action", [ControlAction.CLOSE, ControlAction.RESTART])
async def test_a_catch_up_does_not_outlive_the_page_it_was_made_on(
    harness: SessionHarness, action: ControlAction
) -> None:
    driver = await held(harness)
    acting = asyncio.create_task(harness.session.control(action))
    await asyncio.sleep(0.01)
    driver.go_on.set()
    await acting
    await harness.reach(_S.STOPPED if action is ControlAction.CLOSE else _S.CONNECTED)
    assert harness.outbound.is_open is (action is ControlAction.RESTART)


async def test_the_reading_of_the_page_ends_with_a_store_that_fails(harness: SessionHarness) -> None:
    ended: list[bool] = []

    class Reads(ScriptedDriver):
        async def collect(
            self, since: Mapping[str, int], baseline: int, acts_since: int = 0
        ) -> AsyncGenerator[Sequence[IncomingMessage], None]:
            try:
                async with aclosing(super().collect(since, baseline, acts_since)) as batches:
                    async for batch in batches:
                        yield batch
            finally:
                ended.append(True)

    await harness.start(around_driver=lambda _: Reads(harness.phone))
    key = MessageKey.parse(f"false_{ANA}_3EB01")
    message = IncomingMessage(str(key), key, key.remote, "chat", harness.phone.now(), MessageContent(body="1"))
    harness.phone.history.append(message)
    ended.clear()
    await harness.store.database.write(
        lambda connection: connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    )
    with pytest.raises(sqlite3.IntegrityError) as raised:
        await harness.session._catching_up.collect()
    assert ended == [True], raised
