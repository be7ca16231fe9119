"""The life of a session: what precedes `connected`, what an admin asks for, what survives a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from bridge.contract.commands import ControlAction
from bridge.contract.errors import CodedError
from bridge.contract.messages import Stream
from bridge.contract.session import IllegalTransition, Reason, SessionState, Situation
from bridge.drivers.scripted import ScriptedDriver
from bridge.ports import IncomingMessage, StoreUnusable
from bridge.view import QrChange, StateChange

from .commands import ANA, BETO, command
from .conftest import Bench

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


@pytest.mark.parametrize("action", [ControlAction.CLOSE, ControlAction.RESTART])
async def test_a_catch_up_does_not_outlive_the_page_it_was_made_on(bench: Bench, action: ControlAction) -> None:
    driver = await held(bench)
    acting = asyncio.create_task(bench.session.control(action))
    await asyncio.sleep(0.01)
    driver.go_on.set()
    await acting
    await bench.reach(_S.STOPPED if action is ControlAction.CLOSE else _S.CONNECTED)
    assert bench.outbound._open is (action is ControlAction.RESTART)


async def test_close_and_init_and_what_a_restart_remembers_of_them(bench: Bench) -> None:
    await bench.start()
    await bench.session.control(ControlAction.CLOSE)
    assert (bench.state, bench.session.view.situation.reason) == (_S.STOPPED, Reason.CLOSED_ON_REQUEST)
    assert bench.phone.listener is None
    await bench.again(connected=False)
    await bench.reach(_S.STOPPED)
    bench.phone.incoming(ANA, "meanwhile")
    await bench.session.control(ControlAction.CLOSE)  # again: nothing to do
    await bench.session.control(ControlAction.INIT)
    await bench.reach(_S.CONNECTED)
    assert await texts(bench, 1) == [("meanwhile", True)]
    await bench.again()
    assert bench.state is _S.CONNECTED


async def test_closing_twice_does_not_end_the_next_start(bench: Bench) -> None:
    await bench.start()
    states: list[_S] = []
    for _ in range(2):
        await bench.session.control(ControlAction.CLOSE)
    with bench.session.view.watch() as changes:
        await bench.session.control(ControlAction.INIT)
        while not states or states[-1] is not _S.CONNECTED:
            change = await asyncio.wait_for(changes.get(), 5)
            if isinstance(change, StateChange):
                states.append(change.situation.state)
    assert states.count(_S.STARTING) == 1


async def test_restart_brings_another_page(bench: Bench) -> None:
    await bench.start()
    with bench.session.view.watch() as changes:
        await bench.session.control(ControlAction.RESTART)
        first = await changes.get()
        assert isinstance(first, StateChange)
        assert first.situation.state is _S.STARTING
    await bench.reach(_S.CONNECTED)


async def test_restart_of_a_closed_session_starts_it(bench: Bench) -> None:
    await bench.start()
    await bench.session.control(ControlAction.CLOSE)
    await bench.session.control(ControlAction.RESTART)
    await bench.reach(_S.CONNECTED)
    await bench.again()


async def test_logout_ends_the_login_and_stays_out_until_init(bench: Bench) -> None:
    await bench.start()
    await bench.session.control(ControlAction.LOGOUT)
    assert not bench.phone.paired
    assert (bench.state, bench.session.view.situation.reason) == (_S.LOGGED_OUT, Reason.LOGGED_OUT_ON_REQUEST)
    assert bench.session.view.qr is None
    await bench.again(connected=False)
    await bench.reach(_S.LOGGED_OUT)
    await bench.session.control(ControlAction.INIT)
    await bench.reach(_S.PAIRING)


async def test_logout_without_a_login_is_refused_and_changes_nothing(bench: Bench) -> None:
    await bench.start()
    await bench.session.control(ControlAction.CLOSE)
    with pytest.raises(CodedError):
        await bench.session.control(ControlAction.LOGOUT)
    assert bench.state is _S.STOPPED


async def test_a_code_is_shown_changed_and_cleared(bench: Bench) -> None:
    bench.phone.paired = False
    await bench.start(connected=False)
    with bench.session.view.watch() as changes:
        await bench.until(lambda: bench.session.view.qr is not None)
        first = bench.session.view.qr
        bench.phone.rotate_code()
        await bench.until(lambda: bench.session.view.qr != first)
        bench.phone.pair()
        await bench.reach(_S.CONNECTED)
        codes = [
            change.qr
            for change in (changes.get_nowait() for _ in range(changes.qsize()))
            if isinstance(change, QrChange)
        ]
    assert [code and code.code.split(",")[0] for code in codes] == ["2@scripted1", "2@scripted2", None]
    assert codes[0] is not None
    assert codes[0].expires_at.timestamp() == bench.clock.now() + 20


async def test_a_login_that_the_phone_ends_shows_a_new_code(bench: Bench) -> None:
    await bench.start()
    bench.phone.log_out()
    await bench.until(lambda: bench.session.view.qr is not None)
    assert not bench.outbound._open
    bench.phone.pair()
    await bench.reach(_S.CONNECTED)


async def test_a_page_that_dies_is_replaced_and_nothing_is_lost(bench: Bench) -> None:
    await bench.start()
    bench.phone.incoming(ANA, "1")
    bench.phone.crash()
    bench.phone.incoming(ANA, "2")
    assert [body for body, _ in await texts(bench, 2)] == ["1", "2"]
    await bench.reach(_S.CONNECTED)


async def test_a_site_that_is_away_is_said_and_waited_for(bench: Bench) -> None:
    bench.phone.reachable = False
    await bench.start(connected=False)
    await bench.reach(_S.UNREACHABLE)
    assert "cannot be reached" in bench.session.status().text
    bench.phone.site(reachable=True)
    await bench.reach(_S.CONNECTED)


async def test_the_status_tells_what_is_there(bench: Bench) -> None:
    bench.phone.acks = ()
    await bench.start()
    status = bench.session.status()
    assert (status.first_seq, status.last_seq, status.last_event_seq, status.last_inbound) == (None, 0, 0, None)
    assert (status.owner, status.epoch, status.budget) == ("test:0", bench.store.epoch, None)
    bench.phone.incoming(ANA, "1")
    await bench.stream(Stream.IN, 1)
    await bench.submit(command(id="a"))
    status = bench.session.status()
    assert (status.first_seq, status.last_seq) == (1, 1)
    assert status.queue is not None
    assert (status.queue.out, status.queue.in_) == (1, 1)
    assert status.last_inbound is not None
    assert status.last_inbound.timestamp() == bench.clock.now()


async def test_a_state_that_cannot_follow_raises_and_ends_the_session(bench: Bench) -> None:
    await bench.start()
    with pytest.raises(IllegalTransition):
        bench.session.view.set(Situation(_S.STANDBY, Reason.OWNED_ELSEWHERE))
    assert bench.state is _S.CONNECTED
    await bench.session.situation_changed(Situation(_S.STANDBY, Reason.OWNED_ELSEWHERE))
    with pytest.raises(ExceptionGroup) as ended:
        await bench.until(lambda: False)
    assert ended.group_contains(IllegalTransition)
    bench._running = None
    await bench._open.aclose()


async def test_a_store_that_takes_nothing_ends_the_session_instead_of_calling_it_connected(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.start()

    async def full(records: object) -> list[int | None]:
        raise StoreUnusable("The disk is full.")

    monkeypatch.setattr(bench.store.journal, "append", full)
    bench.phone.incoming(ANA, "1")
    with pytest.raises(ExceptionGroup) as ended:
        await bench.until(lambda: False)
    assert ended.group_contains(StoreUnusable)
    monkeypatch.undo()
    bench._running = None
    await bench._open.aclose()
    await bench.start()
    assert await texts(bench, 1) == [("1", True)]


async def test_since_is_the_moment_of_the_state_and_not_of_its_reason(bench: Bench) -> None:
    await bench.start()
    since = bench.session.view.since
    bench.clock.advance(5)
    bench.session.view.set(Situation(_S.CONNECTED, Reason.READY, "a detail"))
    assert bench.session.view.since == since
    bench.session.view.set(Situation(_S.RECONNECTING, Reason.LINK_DOWN))
    assert bench.session.view.since == since + 5


async def test_nothing_of_a_session_is_left_when_it_ends(bench: Bench) -> None:
    before = asyncio.all_tasks()
    await bench.start()
    await bench.submit(command(id="a"))
    await bench.told("a", 3)
    await bench.session.quiesce()
    await bench.end()
    assert asyncio.all_tasks() == before
    assert bench.phone.listener is None
