"""A newly linked device gets its history from the phone over minutes; unpublished messages are part of it."""

from __future__ import annotations

import asyncio

import pytest

from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from bridge.core.catch_up import CatchUpLimits
from bridge.core.inbound import HISTORY_COMES
from tests.core.commands import ANA, BETO
from tests.core.conftest import SessionHarness


@pytest.fixture(autouse=True)
def short_pauses(harness: SessionHarness) -> None:
    """Passes after a pairing without the waiting."""
    harness.catch_up = CatchUpLimits(after_pairing=(0.05,) * 200)


async def linked_again(harness: SessionHarness) -> None:
    """Read "1", unlinked; "2" and "3" are written meanwhile; linked, without history so far."""
    await harness.start()
    harness.phone.incoming(ANA, "1")
    await harness.stream(Stream.IN, 1)
    harness.phone.log_out()
    await harness.until(lambda: harness.session.view.qr is not None)
    for chat, text in ((ANA, "2"), (BETO, "3")):
        harness.clock.advance(100)
        harness.phone.incoming(chat, text)
    harness.clock.advance(100)
    harness.phone.history_waits = True
    harness.phone.pair()
    await harness.reach(SessionState.CONNECTED)


async def published(harness: SessionHarness, count: int) -> list[tuple[str, bool]]:
    return [(message["body"], message["late"]) for message in await harness.stream(Stream.IN, count)]


async def test_history_after_the_catch_up_is_published(harness: SessionHarness) -> None:
    await linked_again(harness)
    harness.phone.send_history()
    found = await published(harness, 3)
    assert found[0] == ("1", False)
    assert sorted(found[1:]) == [("2", True), ("3", True)]


async def test_a_newer_message_of_the_chat_does_not_hide_history(harness: SessionHarness) -> None:
    await linked_again(harness)
    harness.phone.incoming(ANA, "4")
    assert await published(harness, 2) == [("1", False), ("4", False)]
    harness.phone.send_history()
    assert sorted(text for text, _ in await published(harness, 4)) == ["1", "2", "3", "4"]


async def test_a_restart_meanwhile_loses_no_history(harness: SessionHarness) -> None:
    await linked_again(harness)
    harness.phone.incoming(ANA, "4")
    await harness.stream(Stream.IN, 2)
    await harness.again()
    harness.phone.send_history()
    assert sorted(text for text, _ in await published(harness, 4)) == ["1", "2", "3", "4"]


async def test_a_second_pairing_still_collects_the_history_of_the_first(harness: SessionHarness) -> None:
    await linked_again(harness)
    harness.phone.incoming(ANA, "4")
    await harness.stream(Stream.IN, 2)
    harness.phone.log_out()
    await harness.until(lambda: harness.session.view.qr is not None)
    harness.clock.advance(100)
    harness.phone.pair()
    await harness.reach(SessionState.CONNECTED)
    harness.phone.send_history()
    assert sorted(text for text, _ in await published(harness, 4)) == ["1", "2", "3", "4"]


async def test_years_of_history_that_come_late_are_still_history(harness: SessionHarness) -> None:
    harness.phone.paired, harness.phone.history_waits = False, True
    harness.phone.incoming(ANA, "years ago")
    await harness.start(connected=False)
    await harness.until(lambda: harness.session.view.qr is not None)
    harness.clock.advance(1000)
    harness.phone.pair()
    await harness.reach(SessionState.CONNECTED)
    harness.phone.send_history()
    await asyncio.sleep(0.2)  # several passes
    harness.phone.incoming(ANA, "now")
    assert await published(harness, 1) == [("now", False)]


async def test_an_hour_after_the_pairing_only_new_messages_are_read(harness: SessionHarness) -> None:
    await linked_again(harness)
    harness.phone.send_history()
    await harness.stream(Stream.IN, 3)
    before, _ = await harness.session._inbound.watermarks()
    harness.clock.advance(HISTORY_COMES)
    harness.phone.incoming(BETO, "later")
    await harness.stream(Stream.IN, 4)
    after, _ = await harness.session._inbound.watermarks()
    assert before[ANA] < after[ANA] < after[BETO]
    await harness.again()
    assert not harness.session._inbound.history_comes
