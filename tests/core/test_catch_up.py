"""What precedes `connected`: what came meanwhile is journalled first, on the page that is there now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from bridge.contract.commands import ControlAction
from bridge.contract.errors import CodedError
from bridge.contract.jid import Jid
from bridge.contract.messages import Stream
from bridge.contract.session import Reason, SessionState
from bridge.core import catch_up
from bridge.core.session_view import QrChange, StateChange
from bridge.drivers.scripted import ScriptedDriver
from bridge.ports import IncomingMessage
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import Bench

_S = SessionState


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

    async def collect(self, since: Mapping[str, int], baseline: int) -> AsyncIterator[Sequence[IncomingMessage]]:
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


async def held(bench: Bench) -> HeldCatchUp:
    """Started, and standing in its first catch-up."""
    drivers: list[HeldCatchUp] = []

    def around(driver: ScriptedDriver) -> HeldCatchUp:
        drivers.append(HeldCatchUp(driver))
        return drivers[-1]

    await bench.start(connected=False, around_driver=around)
    await asyncio.wait_for(drivers[0].collecting.wait(), 5)
    return drivers[0]


async def texts(bench: Bench, count: int) -> list[tuple[str, bool]]:
    return [(message["body"], message["late"]) for message in await bench.stream(Stream.IN, count)]


async def test_what_came_meanwhile_precedes_what_comes_now(bench: Bench) -> None:
    await bench.start()
    bench.phone.incoming(ANA, "1")
    await bench.stream(Stream.IN, 1)
    await bench.end()
    for number, chat in enumerate((ANA, BETO, ANA), 2):
        bench.clock.advance(1)
        bench.phone.incoming(chat, str(number))
    driver = await held(bench)
    bench.phone.incoming(BETO, "live")
    assert bench.state is _S.CONNECTING
    assert bench.session.view.situation.reason is Reason.CATCHING_UP
    assert bench.store.journal.bounds(Stream.IN).last == 1
    driver.go_on.set()
    found = await texts(bench, 5)
    assert found[0] == ("1", False)
    assert sorted(found[1:4]) == [("2", True), ("3", True), ("4", True)]
    assert found.index(("2", True)) < found.index(("4", True))
    # the page announced it, and it was collected too: told once
    await bench.reach(_S.CONNECTED)
    await bench.settled()
    assert len(await bench.stream(Stream.IN, 5)) == 5


async def test_nothing_is_sent_before_catch_up_is_done(bench: Bench) -> None:
    driver = await held(bench)
    await bench.submit(command(id="a"))
    await asyncio.sleep(0.05)
    assert bench.sent() == []
    driver.go_on.set()
    await bench.told("a", 3)


async def test_a_link_that_breaks_during_catch_up_is_never_called_connected(bench: Bench) -> None:
    driver = await held(bench)
    states: list[_S] = []
    with bench.session.view.watch() as changes:
        bench.phone.link(up=False)
        driver.go_on.set()
        while _S.RECONNECTING not in states:
            change = await asyncio.wait_for(changes.get(), 5)
            assert isinstance(change, StateChange)
            states.append(change.situation.state)
        assert _S.CONNECTED not in states
        assert not bench.outbound._open
        bench.phone.link(up=True)
        await bench.reach(_S.CONNECTED)


async def test_a_link_that_breaks_as_catch_up_ends_is_never_called_connected(bench: Bench) -> None:
    class BreaksThen(ScriptedDriver):
        async def resume(self) -> None:
            await super().resume()
            if self._phone.link_up and not bench.outbound._open:
                self._phone.link(up=False)
                await bench.until(lambda: not bench.session._reports.empty())

    await bench.start(connected=False, around_driver=lambda _: BreaksThen(bench.phone))
    states = [bench.state]
    with bench.session.view.watch() as changes:
        while states[-1] is not _S.RECONNECTING:
            change = await asyncio.wait_for(changes.get(), 5)
            assert isinstance(change, StateChange)
            states.append(change.situation.state)
    assert _S.CONNECTED not in states
    assert not bench.outbound._open


async def test_a_catch_up_that_ends_while_the_session_is_closed_opens_nothing(bench: Bench) -> None:
    driver = await held(bench)
    driver.go_on.set()
    await bench.reach(_S.CONNECTED)
    driver.go_on.clear()
    driver.collecting.clear()
    bench.phone.delay = 0.3
    await bench.submit(command(id="a"))
    await bench.until(lambda: bench.outbound._running == 1)
    bench.phone.link(up=False)
    await bench.reach(_S.RECONNECTING)
    bench.phone.link(up=True)
    await driver.collecting.wait()
    with bench.session.view.watch() as changes:
        closing = asyncio.create_task(bench.session.control(ControlAction.CLOSE))
        await bench.until(lambda: bench.session._quiet)
        driver.go_on.set()  # the send under way keeps the page for a moment more
        await closing
        seen = [change.situation.state for change in _so_far(changes) if isinstance(change, StateChange)]
    assert seen == [_S.STOPPED]
    assert not bench.outbound._open


def _so_far(changes: asyncio.Queue[StateChange | QrChange]) -> list[StateChange | QrChange]:
    return [changes.get_nowait() for _ in range(changes.qsize())]


async def test_a_catch_up_that_fails_loads_the_page_again(bench: Bench) -> None:
    driver = await held(bench)
    bench.phone.incoming(ANA, "1")
    driver.failures = 2
    driver.go_on.set()
    assert await texts(bench, 1) == [("1", True)]
    await bench.reach(_S.CONNECTED)
    assert driver.reloads == 2


async def test_a_chat_that_could_not_be_read_whole_is_owed_after_a_kill_too(bench: Bench) -> None:
    """What came since has moved its watermark past what is missing."""
    await bench.start()
    await bench.end()
    for number in range(3):
        bench.phone.incoming(ANA, str(number))
        bench.clock.advance(1)
    bench.phone.damaged.add(Jid.parse(ANA))
    await bench.start()
    bench.phone.incoming(ANA, "live")
    assert await texts(bench, 2) == [("2", True), ("live", False)]
    await bench.again()
    bench.phone.incoming(BETO, "still damaged")
    assert (await texts(bench, 3))[2:] == [("still damaged", False)]
    bench.phone.damaged.clear()
    await bench.again()
    assert (await texts(bench, 5))[3:] == [("0", True), ("1", True)]
    assert await bench.store.memory.get("unread") == "{}"


class Piecemeal(HeldCatchUp):
    """Hands over one chat after the other, each after a pause that the test may make longer."""

    pause = 0.1

    async def collect(self, since: Mapping[str, int], baseline: int) -> AsyncIterator[Sequence[IncomingMessage]]:
        async for batch in self._driver.collect(since, baseline):
            for message in batch:
                await asyncio.sleep(self.pause)
                yield [message]


async def test_a_catch_up_may_take_long_as_long_as_it_gets_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "STALLED", 0.3)
    for number in range(6):
        bench.phone.incoming(ANA, str(number))
    drivers: list[Piecemeal] = []

    def around(driver: ScriptedDriver) -> Piecemeal:
        drivers.append(Piecemeal(driver))
        return drivers[-1]

    await bench.start(around_driver=around)
    assert [text for text, _ in await texts(bench, 6)] == [str(number) for number in range(6)]
    assert drivers[0].reloads == 0
    drivers[0].pause = 60
    bench.phone.link(up=False)
    await bench.reach(_S.RECONNECTING)
    bench.phone.link(up=True)
    await bench.until(lambda: drivers[0].reloads > 0)
    assert bench.state is not _S.CONNECTED


@pytest.mark.parametrize("action", [ControlAction.CLOSE, ControlAction.RESTART])
async def test_a_catch_up_does_not_outlive_the_page_it_was_made_on(bench: Bench, action: ControlAction) -> None:
    driver = await held(bench)
    acting = asyncio.create_task(bench.session.control(action))
    await asyncio.sleep(0.01)
    driver.go_on.set()
    await acting
    await bench.reach(_S.STOPPED if action is ControlAction.CLOSE else _S.CONNECTED)
    assert bench.outbound._open is (action is ControlAction.RESTART)
