"""Commands with a time of their own: scheduled, held by quiet hours, and taken back before they leave."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.contract.commands import MAX_AHEAD, CancelCommand, SendCommand
from bridge.contract.errors import InvalidRequest, MessageNotFound
from bridge.contract.messages import Result
from bridge.contract.payload import instant, rfc3339
from bridge.contract.quiet_hours import QuietHours
from bridge.contract.waiting import WaitReason
from bridge.core.budgets import Pacing
from bridge.drivers.scripted import SendMode
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import FREE, SessionHarness

HOUR = 3600.0


def later(harness: SessionHarness, seconds: float, text: str = "Hola", to: str = ANA, **fields: Any) -> SendCommand:
    return command(text, to, send_at=rfc3339(instant(harness.clock.now() + seconds)), **fields)


async def cancel(harness: SessionHarness, command_id: str, **fields: Any) -> Result:
    return await harness.outbound.cancel(CancelCommand(cancel=command_id, **fields))


async def test_a_scheduled_command_waits_for_its_time_and_holds_nothing_back(harness: SessionHarness) -> None:
    await harness.start()
    first = await harness.submit(later(harness, HOUR, "later", id="a", ttl=60))
    at = instant(harness.clock.now() + HOUR)
    assert first.status == "accepted"
    assert first.waits is not None
    assert (first.waits.reason, first.waits.until) == (WaitReason.SEND_AT, at)
    await harness.submit(command("now", id="b"))
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]
    harness.advance(HOUR - 1)
    await harness.submit(command("still before", id="c"))
    await harness.reported("c", 3)
    assert await harness.reported_now("a") == ["accepted"], "the ttl counts from its time"
    harness.advance(1)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert [text for text, _ in harness.sent()] == ["now", "still before", "later"]


async def test_after_its_time_it_expires_like_any_other(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    await harness.submit(later(harness, HOUR, id="a", ttl=60))
    harness.outbound.close()
    harness.advance(HOUR + 61)
    assert await harness.reported("a", 2) == ["accepted", "failed:expired"]


async def test_a_past_time_holds_nothing_back_and_its_ttl_has_begun(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(later(harness, -HOUR, "still fresh", id="a", ttl=2 * int(HOUR)))
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    await harness.submit(later(harness, -2 * HOUR, "stale", id="b"))  # an hour by default
    assert await harness.reported("b", 2) == ["accepted", "failed:expired"]
    await harness.submit(command("ancient", send_at="0001-01-01T00:00:00+14:00", id="c", ttl=0))
    assert await harness.reported("c", 3) == ["accepted", "sent", "server"]
    assert [text for text, _ in harness.sent()] == ["still fresh", "ancient"]


async def test_a_time_more_than_a_year_ahead_is_refused(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(later(harness, MAX_AHEAD - 1, id="a"))
    for far in (later(harness, MAX_AHEAD + 1, id="b"), command(send_at="9999-12-31T23:59:59-14:00", id="b")):
        with pytest.raises(InvalidRequest, match="year ahead"):
            await harness.submit(far)
    assert await harness.store.outbox.get("b") is None


async def test_the_same_id_at_another_time_is_the_same_command(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(later(harness, HOUR, id="a"))
    again = await harness.submit(later(harness, 2 * HOUR, id="a"))
    assert again.waits is not None
    assert again.waits.until == instant(harness.clock.now() + HOUR), "the first one stands"


@pytest.mark.parametrize("at", ["before", "after"])
async def test_it_survives_a_kill_and_is_sent_once(harness: SessionHarness, at: str) -> None:
    await harness.start()
    await harness.submit(later(harness, HOUR, id="a"))
    await harness.end()
    harness.clock.advance(HOUR if at == "after" else HOUR / 2)
    await harness.start()
    harness.advance(0 if at == "after" else HOUR / 2)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    await harness.again()
    await harness.settled()
    assert harness.sent() == [("Hola", 1)]


async def test_a_clock_that_is_set_decides_and_never_sends_twice(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(later(harness, HOUR, id="a"))
    harness.clock.unix -= 10 * HOUR  # set back: it waits for the clock that people see
    harness.advance(HOUR)
    await harness.submit(command("other", BETO, id="b"))
    await harness.reported("b", 3)
    assert await harness.reported_now("a") == ["accepted"]
    harness.clock.unix += 10 * HOUR
    harness.advance(0)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    harness.clock.unix -= HOUR
    harness.advance(0)
    await harness.settled()
    assert harness.sent() == [("other", 1), ("Hola", 1)]


async def test_a_scheduled_command_is_cancelled_and_never_sent(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(later(harness, HOUR, id="a"))
    answer = await cancel(harness, "a", transaction="t-1")
    assert (answer.status, answer.error and answer.error.code, answer.transaction) == ("failed", "cancelled", "t-1")
    again = await cancel(harness, "a")
    assert (again.status, again.error and again.error.code) == ("failed", "cancelled")
    harness.advance(2 * HOUR)
    await harness.again()
    await harness.settled()
    assert harness.sent() == []
    assert (await harness.submit(later(harness, HOUR, id="a"))).status == "failed", "the id stays taken"


async def test_cancelling_right_behind_the_command_finds_it(harness: SessionHarness) -> None:
    await harness.start()
    harness.outbound.close()  # so that it cannot leave first
    results = await asyncio.gather(
        *(step for n in range(50) for step in (harness.submit(command(id=str(n))), cancel(harness, str(n))))
    )
    assert [result.status for result in results] == ["accepted", "failed"] * 50


async def test_two_cancels_at_once_agree(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(later(harness, HOUR, id="a"))
    answers = await asyncio.gather(*(cancel(harness, "a") for _ in range(5)))
    assert {answer.error and answer.error.code for answer in answers} == {"cancelled"}


async def test_one_that_is_being_sent_or_was_sent_is_left_alone(harness: SessionHarness) -> None:
    harness.phone.acks = ()
    harness.phone.delay = 0.2
    await harness.start()
    await harness.submit(command(id="a"))
    await harness.until(lambda: bool(harness.outbound._running))
    assert (await cancel(harness, "a")).status == "accepted"
    await harness.outbound.drain()
    assert (await cancel(harness, "a")).status == "accepted", "in doubt until the server has it"
    harness.phone.acknowledge(harness.phone.sent[0].key.id, 1)
    await harness.until(lambda: harness.store.outbox.open_count == 0)
    late = await cancel(harness, "a")
    assert (late.status, late.message_id) == ("sent", str(harness.phone.sent[0].key))
    assert harness.sent() == [("Hola", 1)]


async def test_one_that_is_tried_again_can_be_cancelled(harness: SessionHarness) -> None:
    harness.phone.send_mode = SendMode.UNAVAILABLE
    await harness.start()
    await harness.submit(command(id="a"))
    await harness.submit(command("next", id="b"))
    await harness.until(lambda: bool(harness.outbound._in_doubt._tries))
    await harness.outbound.drain()
    assert (await cancel(harness, "a")).error is not None
    harness.phone.send_mode = SendMode.NORMAL
    harness.advance(60)
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]
    assert harness.sent() == [("next", 1)]
    assert harness.outbound._in_doubt._tries == {}


async def test_cancelling_an_unknown_id_is_refused(harness: SessionHarness) -> None:
    await harness.start()
    with pytest.raises(MessageNotFound, match="no command of this id"):
        await cancel(harness, "nothing")


def quiet_pacing() -> Pacing:
    """Quiet from 21 to 9 o'clock UTC."""
    return Pacing(FREE.session, FREE.chat, quiet=QuietHours.parse("21:00-09:00"), zone=UTC)


def set_clock(harness: SessionHarness, text: str) -> None:
    harness.clock.advance(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() - harness.clock.now())


async def test_quiet_hours_hold_bulk_and_nothing_else(harness: SessionHarness) -> None:
    harness.pacing = quiet_pacing()
    set_clock(harness, "2026-11-28T22:00:00")
    await harness.start()
    held = await harness.submit(command("bulk", id="a", priority="bulk", ttl=86_400))
    assert held.waits is not None
    assert (held.waits.reason, held.waits.until) == (
        WaitReason.QUIET_HOURS,
        datetime.fromisoformat("2026-11-29T09:00:00+00:00"),
    )
    await harness.submit(command("short", BETO, id="b", priority="bulk", ttl=600))
    await harness.submit(command("reply to the same person", id="c"))
    assert await harness.reported("c", 3) == ["accepted", "sent", "server"]
    status = harness.session.status()
    assert status.budget is not None
    assert status.budget.quiet_until == held.waits.until
    harness.advance(601)
    assert await harness.reported("b", 2) == ["accepted", "failed:expired"]
    await harness.again()
    row = await harness.store.outbox.get("a")
    assert row is not None
    await harness.until(lambda: bool(harness.outbound.waiting([row])))
    assert harness.outbound.waiting([row])[row.number].reason is WaitReason.QUIET_HOURS
    set_clock(harness, "2026-11-29T09:00:00")
    harness.advance(0)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    now = harness.session.status().budget
    assert now is not None
    assert (now.quiet_until, now.quiet_hours, now.timezone) == (None, "21:00-09:00", "UTC")


async def test_quiet_hours_that_begin_hold_what_is_queued(harness: SessionHarness) -> None:
    harness.pacing = quiet_pacing()
    set_clock(harness, "2026-11-28T20:59:00")
    await harness.start()
    harness.outbound.close()
    await harness.submit(command("bulk", id="a", priority="bulk", ttl=86_400))
    await harness.submit(later(harness, 120, "at its time", BETO, id="b", priority="bulk", ttl=86_400))
    await harness.submit(command("human", id="c", priority="human"))
    harness.advance(0)
    set_clock(harness, "2026-11-28T21:05:00")
    harness.outbound.open()
    assert await harness.reported("c", 3) == ["accepted", "sent", "server"]
    assert harness.sent() == [("human", 1)]
    assert (await cancel(harness, "a")).error is not None
    set_clock(harness, "2026-11-29T09:00:30")
    harness.advance(0)
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]
    assert harness.sent() == [("human", 1), ("at its time", 1)]
