"""WhatsApp's limits: shown, reported, and obeyed for people who never wrote; answers go on."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.contract.limits import AccountLimits, NewChats, NewChatStage
from bridge.contract.messages import ResultStatus, Stream
from bridge.contract.requests import request_of
from bridge.contract.session import SessionState
from bridge.contract.waiting import WaitReason
from bridge.core.account_limits import ASSUMED
from bridge.drivers.scripted import SendMode
from bridge.ports import OutboxRow
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import SessionHarness

CHATS = NewChats(used=31, total=40, stage=NewChatStage.FIRST_WARNING)


def lock(harness: SessionHarness, seconds: float) -> AccountLimits:
    until = datetime.fromtimestamp(harness.clock.now() + seconds, UTC)
    return AccountLimits(reach_out_locked_until=until, new_chats=CHATS)


async def row(harness: SessionHarness, command_id: str) -> OutboxRow:
    found = await harness.store.outbox.get(command_id)
    assert found is not None
    return found


async def test_what_the_page_knows_is_shown_and_each_change_reported(harness: SessionHarness) -> None:
    await harness.start()
    assert harness.session.status().limits is None
    given = lock(harness, 600)
    harness.phone.limit(given)
    [event] = await harness.stream(Stream.EVENT, 1)
    assert event["kind"] == "limits"
    assert (event["limits"]["new_chats"]["used"], event["limits"]["reach_out_locked_until"] is None) == (31, False)
    assert harness.session.status().limits == given
    assert harness.state is SessionState.CONNECTED
    harness.phone.limit(lock(harness, 610))  # the same end, give or take
    await harness.again(connected=False)
    asked = await harness.session.requests.respond(request_of("limits.get", {}))
    assert asked.data["new_chats"] is None, "the page has not said it yet"
    await harness.reach(SessionState.CONNECTED)
    harness.phone.limit(AccountLimits())
    await harness.until(lambda: harness.session.limits.current == AccountLimits())
    events = await harness.stream(Stream.EVENT, 2)
    assert events[-1]["limits"] == {"reach_out_locked_until": None, "new_chats": None}


async def test_a_refusal_holds_first_messages_and_answers_go_on(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Hola")
    await harness.stream(Stream.IN, 1)
    harness.phone.send_mode = SendMode.REACH_OUT_LOCKED
    await harness.submit(command("uno", BETO, id="a"))
    assert await harness.reported("a", 2) == ["accepted", "failed:reach_out_locked"]
    assert harness.session.limits.locked_until == harness.clock.now() + ASSUMED
    harness.phone.send_mode = SendMode.NORMAL
    result = await harness.submit(command("dos", BETO, id="b", ttl=2 * int(ASSUMED)))
    assert result.status is ResultStatus.ACCEPTED
    assert result.waits
    assert result.waits.reason is WaitReason.REACH_OUT_LOCK
    await harness.submit(command("vence", "5491155500077", id="c", ttl=60))
    await harness.submit(command("responde", ANA, id="d"))
    assert await harness.reported("d", 3) == ["accepted", "sent", "server"]
    waiting = harness.outbound.waiting([await row(harness, "b")])
    assert [wait.reason for wait in waiting.values()] == [WaitReason.REACH_OUT_LOCK]
    harness.advance(61)
    assert await harness.reported("c", 2) == ["accepted", "failed:expired"]
    assert harness.sent() == [("responde", 1)]
    harness.advance(ASSUMED)
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]


async def test_a_lock_survives_a_restart_and_its_end_lets_all_go(harness: SessionHarness) -> None:
    await harness.start()
    harness.session.limits.refused(harness.clock.now() + 600)
    await harness.stream(Stream.EVENT, 1)
    await harness.again()
    await harness.until(lambda: harness.session.limits.locked_until is not None)
    await harness.submit(command("uno", BETO, id="a"))
    await harness.outbound.drain()
    [wait] = harness.outbound.waiting([await row(harness, "a")]).values()
    assert wait.reason is WaitReason.REACH_OUT_LOCK
    harness.clock.advance(601)
    harness.session.limits._changed.set()
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    kinds = [event["kind"] for event in await harness.stream(Stream.EVENT, 3)]
    assert kinds.count("limits") == 2, "the end is reported too"


async def test_a_lock_that_ends_early_lets_first_messages_go(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.limit(lock(harness, 600))
    await harness.stream(Stream.EVENT, 1)
    await harness.submit(command("uno", BETO, id="a"))
    await harness.outbound.drain()
    [wait] = harness.outbound.waiting([await row(harness, "a")]).values()
    assert wait.reason is WaitReason.REACH_OUT_LOCK
    harness.phone.limit(AccountLimits())
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
