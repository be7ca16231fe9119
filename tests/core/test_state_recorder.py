"""The history of a session's states: what its view says, and what happened while nothing could be written."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.contract.session import Reason, SessionState, Situation
from bridge.core.session_view import SessionView
from bridge.core.state_recorder import StateRecorder, take_up
from bridge.ports import PairingCode
from tests.clocks import FakeClock
from tests.core.conftest import SessionHarness

BEGIN = 1_790_000_000.0


@asynccontextmanager
async def recorded(
    harness: SessionHarness, began: float, outside: SessionView | None = None, *, seen_every: float = 300
) -> AsyncIterator[None]:
    """The session of the harness with a recorder beside it, as its host runs it."""
    take_up(harness.store.states, outside or SessionView("haby", harness.clock), began)
    recorder = StateRecorder(harness.store.states, harness.session.view, harness.clock, seen_every=seen_every)
    running = asyncio.create_task(recorder.run(), name="recorder under test")
    yield
    running.cancel()
    await asyncio.wait([running])


async def history(harness: SessionHarness) -> list[tuple[str, str, float]]:
    """Oldest first; times are seconds since the clock's beginning."""
    found = await harness.store.states.newest(100)
    return [(str(one.state), str(one.reason), one.since - BEGIN) for one in reversed(found)]


async def until(harness: SessionHarness, reason: Reason) -> None:
    """Wait until the newest state of the history has this reason."""
    async with asyncio.timeout(10):
        while [newest for _, newest, _ in (await history(harness))[-1:]] != [reason]:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.002)


async def test_the_history_is_what_the_status_said_over_a_kill(harness: SessionHarness, clock: FakeClock) -> None:
    await harness.start()
    async with recorded(harness, clock.now()):
        await until(harness, Reason.READY)
        clock.advance(10)
        harness.phone.link(up=False)
        await until(harness, Reason.LINK_DOWN)
        clock.advance(5)
        harness.phone.link(up=True)
        await until(harness, Reason.READY)
    await harness.end()  # a kill: nothing is written about it
    clock.advance(1000)
    await harness.start()
    async with recorded(harness, clock.now()):
        await until(harness, Reason.READY)
    found = await history(harness)
    assert ("connected", "ready", 0) in found
    assert ("reconnecting", "link_down", 10) in found
    ready_again = found.index(("connected", "ready", 15))
    assert found[ready_again + 1] == ("offline", "bridge_gone", 15)
    assert found[ready_again + 2][2] == 1015
    assert found[-1] == ("connected", "ready", 1015)


async def test_a_state_that_lasts_writes_no_row_and_is_known_to_have_lasted(
    harness: SessionHarness, clock: FakeClock
) -> None:
    await harness.start()
    async with recorded(harness, clock.now(), seen_every=0.005):
        await until(harness, Reason.READY)
        rows = len(await history(harness))
        clock.advance(4000)
        view = harness.session.view
        view.set(Situation(SessionState.CONNECTED, Reason.READY, "a detail that changes"))

        async with asyncio.timeout(10):
            while await _seen_at(harness) != clock.now():  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.002)
        assert len(await history(harness)) == rows
    await harness.end()
    clock.advance(500)
    await harness.start()
    async with recorded(harness, clock.now()):
        await until(harness, Reason.READY)
        assert ("offline", "bridge_gone", 4000) in await history(harness)


async def _seen_at(harness: SessionHarness) -> float:
    found = await harness.store.database.read(
        lambda connection: connection.execute("SELECT max(seen_at) FROM states").fetchone()
    )
    return float(found[0])


@pytest.mark.parametrize(
    "situation",
    [
        Situation(SessionState.ERROR, Reason.STORE_UNUSABLE),
        Situation(SessionState.STANDBY, Reason.WAITING_FOR_LEASE),
    ],
)
async def test_what_was_shown_while_the_store_was_closed_is_written_when_it_opens(
    harness: SessionHarness, clock: FakeClock, situation: Situation
) -> None:
    began, outside = clock.now(), SessionView("haby", clock)
    await harness.start()
    async with recorded(harness, began):
        await until(harness, Reason.READY)
    await harness.end()
    clock.advance(30)
    outside.set(situation)
    clock.advance(60)
    await harness.start()
    async with recorded(harness, began, outside):
        await until(harness, Reason.READY)
        found = await history(harness)
    assert (str(situation.state), str(situation.reason), 30) in found
    assert "offline" not in [state for state, _, _ in found]  # this process has lived all the time


async def test_a_code_that_is_renewed_is_one_wait(harness: SessionHarness, clock: FakeClock) -> None:
    harness.phone.paired = False
    await harness.start(connected=False)
    async with recorded(harness, clock.now()):
        await until(harness, Reason.SCAN_QR)
        view = harness.session.view
        for _ in range(20):
            clock.advance(100)
            view.set(Situation(SessionState.PAIRING, Reason.QR_EXPIRED))
            view.set(Situation(SessionState.PAIRING, Reason.SCAN_QR))
        view.set(Situation(SessionState.PAIRING, Reason.TYPE_LINK_CODE))
        await until(harness, Reason.TYPE_LINK_CODE)
        found = [reason for state, reason, _ in await history(harness) if state == "pairing"]
    assert found == ["scan_qr", "type_link_code"]


async def test_a_code_that_is_renewed_all_the_time_is_known_to_have_waited(
    harness: SessionHarness, clock: FakeClock
) -> None:
    harness.phone.paired = False
    await harness.start(connected=False)
    async with recorded(harness, clock.now(), seen_every=0.1):
        await until(harness, Reason.SCAN_QR)
        clock.advance(1000)
        async with asyncio.timeout(10):
            while await _seen_at(harness) != clock.now():
                harness.session.view.show(PairingCode(uuid.uuid4().hex, clock.now() + 20))
                await asyncio.sleep(0.02)
