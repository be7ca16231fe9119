"""What only the scripted driver can do: every outcome of a send, and a lookup that proves absence."""

from __future__ import annotations

import pytest

from bridge.contract.errors import ReachOutLocked, Refused
from bridge.contract.jid import Jid
from bridge.contract.kinds import Text
from bridge.contract.session import Reason, SessionState
from bridge.drivers.scripted import ScriptedDriver, SendMode
from bridge.ports import CallInDoubt, DriverUnavailable
from tests.drivers.recording import running
from tests.drivers.worlds import ANA, ScriptedWorld


@pytest.mark.parametrize(
    ("mode", "outcome", "left", "found"),
    [
        (SendMode.NORMAL, 1, 1, 1),
        (SendMode.PENDING, 0, 0, 0),
        (SendMode.UNAVAILABLE, DriverUnavailable, 0, None),
        (SendMode.CALL_LOST, CallInDoubt, 0, None),
        (SendMode.ANSWER_LOST, CallInDoubt, 1, 1),
        (SendMode.REFUSED, Refused, 0, None),
        (SendMode.REACH_OUT_LOCKED, ReachOutLocked, 0, None),
    ],
)
async def test_send_modes(mode: SendMode, outcome: int | type[Exception], left: int, found: int | None) -> None:
    phone = ScriptedWorld().phone
    phone.paired, phone.acks, phone.send_mode = True, (1,), mode
    driver = ScriptedDriver(phone)
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        key = await driver.reserve(Jid.parse(ANA))
        if isinstance(outcome, int):
            assert await driver.send(key, Text("hola")) == outcome
        else:
            with pytest.raises(outcome):
                await driver.send(key, Text("hola"))
        look_up = await driver.look_up(key)
    assert len(phone.sent) == left
    assert (look_up.ack, look_up.complete) == (found, True)


async def test_two_sends_under_one_key_are_counted() -> None:
    phone = ScriptedWorld().phone
    phone.paired = True
    driver = ScriptedDriver(phone)
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        key = await driver.reserve(Jid.parse(ANA))
        await driver.send(key, Text("hola"))
        await driver.send(key, Text("hola"))
    assert [sent.times for sent in phone.sent] == [2]


async def test_a_crash_loses_live_items_but_not_the_history() -> None:
    phone = ScriptedWorld().phone
    phone.paired = True
    driver = ScriptedDriver(phone)
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        phone.incoming(ANA, "held back")
        phone.crash()
        lost = await sink.until_state(SessionState.RECONNECTING)
        assert lost.reason is Reason.PAGE_LOST
        await sink.until(lambda: sink.states[-1] is SessionState.CONNECTED)
        await driver.resume()
        phone.incoming(ANA, "next")
        await sink.until(lambda: sink.messages)
        assert [m.body for m in sink.messages] == ["next"]
        assert [m.body async for batch in driver.collect({}, 0) for m in batch] == ["held back", "next"]


async def test_a_site_that_goes_away_and_comes_back() -> None:
    phone = ScriptedWorld().phone
    phone.paired = True
    async with running(ScriptedDriver(phone)) as sink:
        await sink.until_state(SessionState.CONNECTED)
        phone.site(reachable=False)
        await sink.until_state(SessionState.UNREACHABLE)
        phone.site(reachable=True)
        await sink.until(lambda: sink.states[-1] is SessionState.CONNECTED)


async def test_batches_are_bounded() -> None:
    phone = ScriptedWorld().phone
    phone.paired = True
    driver = ScriptedDriver(phone, batch=10)
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        for number in range(95):
            phone.incoming(ANA, f"{number}")
        await driver.resume()
        await sink.until(lambda: len(sink.messages) == 95)
        assert [len(batch) async for batch in driver.collect({}, 0)] == [10] * 9 + [5]
    assert [len(batch) for batch in sink.batches] == [10] * 9 + [5]
    assert [m.body for m in sink.messages] == [f"{number}" for number in range(95)]
