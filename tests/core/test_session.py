"""The life of a session: what an admin asks for, what is seen of it, what survives a restart."""

from __future__ import annotations

import asyncio

import pytest

from bridge.contract.commands import ControlAction
from bridge.contract.errors import CodedError
from bridge.contract.messages import Stream
from bridge.contract.session import IllegalTransition, Reason, SessionState, Situation
from bridge.core.session_view import QrChange, StateChange
from bridge.ports import StoreUnusable
from tests.core.commands import ANA, command
from tests.core.conftest import Bench

_S = SessionState


async def texts(bench: Bench, count: int) -> list[tuple[str, bool]]:
    return [(message["body"], message["late"]) for message in await bench.stream(Stream.IN, count)]


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


async def test_what_is_closed_for_a_while_opens_by_itself(bench: Bench) -> None:
    await bench.start()
    await bench.session.control(ControlAction.CLOSE, reopen_after=0.05)
    assert (bench.state, bench.phone.listener) == (_S.STOPPED, None)
    await bench.reach(_S.CONNECTED)
    await bench.session.control(ControlAction.CLOSE, reopen_after=60)
    await bench.again()
    assert bench.state is _S.CONNECTED


async def test_another_wish_ends_the_wait_of_a_session_closed_for_a_while(bench: Bench) -> None:
    await bench.start()
    await bench.session.control(ControlAction.CLOSE, reopen_after=0.05)
    await bench.session.control(ControlAction.CLOSE)
    await asyncio.sleep(0.1)
    assert bench.state is _S.STOPPED
    await bench.session.control(ControlAction.CLOSE, reopen_after=0.05)  # closed for good before: it stays so
    await asyncio.sleep(0.1)
    assert bench.state is _S.STOPPED
    await bench.again(connected=False)
    await bench.reach(_S.STOPPED)


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


async def test_a_login_is_deleted_also_while_whatsapp_cannot_be_told(bench: Bench) -> None:
    await bench.start()
    bench.phone.link(up=False)
    await bench.reach(_S.RECONNECTING)
    await bench.session.delete_login()
    assert (bench.state, bench.session.view.situation.reason) == (_S.LOGGED_OUT, Reason.LOGGED_OUT_ON_REQUEST)
    bench.phone.link(up=True)
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
