"""The life of a session: control actions, public state, and the state that survives a restart."""

from __future__ import annotations

import asyncio

import pytest

from bridge.contract.controls import ControlAction
from bridge.contract.errors import CodedError
from bridge.contract.messages import Stream
from bridge.contract.session import IllegalTransition, Reason, SessionState, Situation
from bridge.core.session_view import QrChange, StateChange
from bridge.ports import StoreUnusable
from tests.core.commands import ANA, command
from tests.core.conftest import SessionHarness

_S = SessionState


async def texts(harness: SessionHarness, count: int) -> list[tuple[str, bool]]:
    return [(message["body"], message["late"]) for message in await harness.stream(Stream.IN, count)]


async def test_close_and_init_survive_a_restart(harness: SessionHarness) -> None:
    await harness.start()
    await harness.session.control(ControlAction.CLOSE)
    assert (harness.state, harness.session.view.situation.reason) == (_S.STOPPED, Reason.CLOSED_ON_REQUEST)
    assert harness.phone.listener is None
    await harness.again(connected=False)
    await harness.reach(_S.STOPPED)
    harness.phone.incoming(ANA, "meanwhile")
    harness.clock.advance(1)
    await harness.session.control(ControlAction.CLOSE)  # again: nothing to do
    await harness.session.control(ControlAction.INIT)
    await harness.reach(_S.CONNECTED)
    assert await texts(harness, 1) == [("meanwhile", True)]
    await harness.again()
    assert harness.state is _S.CONNECTED


async def test_closing_twice_does_not_end_the_next_start(harness: SessionHarness) -> None:
    await harness.start()
    states: list[_S] = []
    for _ in range(2):
        await harness.session.control(ControlAction.CLOSE)
    with harness.session.view.watch() as changes:
        await harness.session.control(ControlAction.INIT)
        while not states or states[-1] is not _S.CONNECTED:
            change = await asyncio.wait_for(changes.get(), 5)
            if isinstance(change, StateChange):
                states.append(change.situation.state)
    assert states.count(_S.STARTING) == 1


async def test_a_session_closed_for_a_while_reopens_by_itself(harness: SessionHarness) -> None:
    await harness.start()
    await harness.session.control(ControlAction.CLOSE, reopen_after=0.05)
    assert (harness.state, harness.phone.listener) == (_S.STOPPED, None)
    await harness.reach(_S.CONNECTED)
    await harness.session.control(ControlAction.CLOSE, reopen_after=60)
    await harness.again()
    assert harness.state is _S.CONNECTED


async def test_another_action_cancels_the_reopening(harness: SessionHarness) -> None:
    await harness.start()
    await harness.session.control(ControlAction.CLOSE, reopen_after=0.05)
    await harness.session.control(ControlAction.CLOSE)
    await asyncio.sleep(0.1)
    assert harness.state is _S.STOPPED
    await harness.session.control(
        ControlAction.CLOSE, reopen_after=0.05
    )  # it was closed without a time: it stays closed
    await asyncio.sleep(0.1)
    assert harness.state is _S.STOPPED
    await harness.again(connected=False)
    await harness.reach(_S.STOPPED)


async def test_restart_opens_another_page(harness: SessionHarness) -> None:
    await harness.start()
    with harness.session.view.watch() as changes:
        await harness.session.control(ControlAction.RESTART)
        first = await changes.get()
        assert isinstance(first, StateChange)
        assert first.situation.state is _S.STARTING
    await harness.reach(_S.CONNECTED)


async def test_restart_of_a_closed_session_starts_it(harness: SessionHarness) -> None:
    await harness.start()
    await harness.session.control(ControlAction.CLOSE)
    await harness.session.control(ControlAction.RESTART)
    await harness.reach(_S.CONNECTED)
    await harness.again()


async def test_logout_ends_the_login_until_init(harness: SessionHarness) -> None:
    await harness.start()
    await harness.session.control(ControlAction.LOGOUT)
    assert not harness.phone.paired
    assert (harness.state, harness.session.view.situation.reason) == (_S.LOGGED_OUT, Reason.LOGGED_OUT_ON_REQUEST)
    assert harness.session.view.qr is None
    await harness.again(connected=False)
    await harness.reach(_S.LOGGED_OUT)
    await harness.session.control(ControlAction.INIT)
    await harness.reach(_S.PAIRING)


async def test_a_login_is_deleted_while_whatsapp_cannot_be_reached(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.link(up=False)
    await harness.reach(_S.RECONNECTING)
    await harness.session.delete_login()
    assert (harness.state, harness.session.view.situation.reason) == (_S.LOGGED_OUT, Reason.LOGGED_OUT_ON_REQUEST)
    harness.phone.link(up=True)
    await harness.session.control(ControlAction.INIT)
    await harness.reach(_S.PAIRING)


async def test_logout_without_a_login_is_refused_and_changes_nothing(harness: SessionHarness) -> None:
    await harness.start()
    await harness.session.control(ControlAction.CLOSE)
    with pytest.raises(CodedError):
        await harness.session.control(ControlAction.LOGOUT)
    assert harness.state is _S.STOPPED


async def test_a_code_is_shown_changed_and_cleared(harness: SessionHarness) -> None:
    harness.phone.paired = False
    await harness.start(connected=False)
    with harness.session.view.watch() as changes:
        await harness.until(lambda: harness.session.view.qr is not None)
        first = harness.session.view.qr
        harness.phone.rotate_code()
        await harness.until(lambda: harness.session.view.qr != first)
        harness.phone.pair()
        await harness.reach(_S.CONNECTED)
        codes = [
            change.qr
            for change in (changes.get_nowait() for _ in range(changes.qsize()))
            if isinstance(change, QrChange)
        ]
    assert [code and code.code.split(",")[0] for code in codes] == ["2@scripted1", "2@scripted2", None]
    assert codes[0] is not None
    assert codes[0].expires_at.timestamp() == harness.clock.now() + 20


async def test_a_login_that_the_phone_ends_shows_a_new_code(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.log_out()
    await harness.until(lambda: harness.session.view.qr is not None)
    assert not harness.outbound.is_open
    harness.phone.pair()
    await harness.reach(_S.CONNECTED)


async def test_a_crashed_page_is_replaced_and_nothing_is_lost(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "1")
    harness.phone.crash()
    harness.phone.incoming(ANA, "2")
    assert [body for body, _ in await texts(harness, 2)] == ["1", "2"]
    await harness.reach(_S.CONNECTED)


async def test_an_unreachable_site_is_reported_and_waited_for(harness: SessionHarness) -> None:
    harness.phone.reachable = False
    await harness.start(connected=False)
    await harness.reach(_S.UNREACHABLE)
    assert "cannot be reached" in harness.session.status().text
    harness.phone.site(reachable=True)
    await harness.reach(_S.CONNECTED)


async def test_the_fields_of_the_status(harness: SessionHarness) -> None:
    harness.phone.acks = ()
    await harness.start()
    status = harness.session.status()
    assert (status.first_seq, status.last_seq, status.last_event_seq, status.last_inbound) == (None, 0, 0, None)
    assert (status.owner, status.epoch, status.budget) == ("test:0", harness.store.epoch, None)
    harness.phone.incoming(ANA, "1")
    await harness.stream(Stream.IN, 1)
    await harness.submit(command(id="a"))
    status = harness.session.status()
    assert (status.first_seq, status.last_seq) == (1, 1)
    assert status.queue is not None
    assert (status.queue.out, status.queue.in_) == (1, 1)
    assert status.last_inbound is not None
    assert status.last_inbound.timestamp() == harness.clock.now()


async def test_an_illegal_transition_ends_the_session(harness: SessionHarness) -> None:
    await harness.start()
    with pytest.raises(IllegalTransition):
        harness.session.view.set(Situation(_S.STANDBY, Reason.OWNED_ELSEWHERE))
    assert harness.state is _S.CONNECTED
    await harness.session.situation_changed(Situation(_S.STANDBY, Reason.OWNED_ELSEWHERE))
    with pytest.raises(ExceptionGroup) as ended:
        await harness.until(lambda: False)
    assert ended.group_contains(IllegalTransition)
    harness._running = None
    await harness._open.aclose()


async def test_a_store_that_cannot_be_written_ends_the_session(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.start()

    async def full(records: object) -> list[int | None]:
        raise StoreUnusable("The disk is full.")

    monkeypatch.setattr(harness.store.journal, "append", full)
    harness.phone.incoming(ANA, "1")
    with pytest.raises(ExceptionGroup) as ended:
        await harness.until(lambda: False)
    assert ended.group_contains(StoreUnusable)
    monkeypatch.undo()
    harness._running = None
    await harness._open.aclose()
    harness.clock.advance(1)
    await harness.start()
    assert await texts(harness, 1) == [("1", True)]


async def test_since_is_the_moment_of_the_state_and_not_of_its_reason(harness: SessionHarness) -> None:
    await harness.start()
    since = harness.session.view.since
    harness.clock.advance(5)
    harness.session.view.set(Situation(_S.CONNECTED, Reason.READY, "a detail"))
    assert harness.session.view.since == since
    harness.session.view.set(Situation(_S.RECONNECTING, Reason.LINK_DOWN))
    assert harness.session.view.since == since + 5


async def test_no_task_survives_the_end_of_a_session(harness: SessionHarness) -> None:
    before = asyncio.all_tasks()
    await harness.start()
    await harness.submit(command(id="a"))
    await harness.reported("a", 3)
    await harness.session.quiesce()
    await harness.end()
    assert asyncio.all_tasks() == before
    assert harness.phone.listener is None
