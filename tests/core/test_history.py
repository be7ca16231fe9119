"""A newly linked device gets its history from the phone over minutes: what nobody was told of is in it."""

from __future__ import annotations

import asyncio

import pytest

from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from bridge.core import catch_up
from bridge.core.inbound import HISTORY_COMES
from tests.core.commands import ANA, BETO
from tests.core.conftest import Bench


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks that follow a pairing without the waiting."""
    monkeypatch.setattr(catch_up, "AFTER_PAIRING", (0.05,) * 200)


async def linked_again(bench: Bench) -> None:
    """Read "1", unlinked; "2" and "3" are written meanwhile; linked, without history so far."""
    await bench.start()
    bench.phone.incoming(ANA, "1")
    await bench.stream(Stream.IN, 1)
    bench.phone.log_out()
    await bench.until(lambda: bench.session.view.qr is not None)
    for chat, text in ((ANA, "2"), (BETO, "3")):
        bench.clock.advance(100)
        bench.phone.incoming(chat, text)
    bench.clock.advance(100)
    bench.phone.history_waits = True
    bench.phone.pair()
    await bench.reach(SessionState.CONNECTED)


async def told(bench: Bench, count: int) -> list[tuple[str, bool]]:
    return [(message["body"], message["late"]) for message in await bench.stream(Stream.IN, count)]


async def test_what_the_history_brings_after_the_catch_up_is_told(bench: Bench) -> None:
    await linked_again(bench)
    bench.phone.send_history()
    found = await told(bench, 3)
    assert found[0] == ("1", False)
    assert sorted(found[1:]) == [("2", True), ("3", True)]


async def test_a_newer_message_of_the_chat_does_not_hide_it(bench: Bench) -> None:
    await linked_again(bench)
    bench.phone.incoming(ANA, "4")
    assert await told(bench, 2) == [("1", False), ("4", False)]
    bench.phone.send_history()
    assert sorted(text for text, _ in await told(bench, 4)) == ["1", "2", "3", "4"]


async def test_a_restart_meanwhile_loses_nothing_of_it(bench: Bench) -> None:
    await linked_again(bench)
    bench.phone.incoming(ANA, "4")
    await bench.stream(Stream.IN, 2)
    await bench.again()
    bench.phone.send_history()
    assert sorted(text for text, _ in await told(bench, 4)) == ["1", "2", "3", "4"]


async def test_a_second_pairing_still_owes_what_the_first_owed(bench: Bench) -> None:
    await linked_again(bench)
    bench.phone.incoming(ANA, "4")
    await bench.stream(Stream.IN, 2)
    bench.phone.log_out()
    await bench.until(lambda: bench.session.view.qr is not None)
    bench.clock.advance(100)
    bench.phone.pair()
    await bench.reach(SessionState.CONNECTED)
    bench.phone.send_history()
    assert sorted(text for text, _ in await told(bench, 4)) == ["1", "2", "3", "4"]


async def test_years_of_history_that_come_late_are_still_history(bench: Bench) -> None:
    bench.phone.paired, bench.phone.history_waits = False, True
    bench.phone.incoming(ANA, "years ago")
    await bench.start(connected=False)
    await bench.until(lambda: bench.session.view.qr is not None)
    bench.clock.advance(1000)
    bench.phone.pair()
    await bench.reach(SessionState.CONNECTED)
    bench.phone.send_history()
    await asyncio.sleep(0.2)  # several looks
    bench.phone.incoming(ANA, "now")
    assert await told(bench, 1) == [("now", False)]


async def test_an_hour_after_the_pairing_only_what_is_new_is_read(bench: Bench) -> None:
    await linked_again(bench)
    bench.phone.send_history()
    await bench.stream(Stream.IN, 3)
    before, _ = await bench.session._inbound.watermarks()
    bench.clock.advance(HISTORY_COMES)
    bench.phone.incoming(BETO, "later")
    await bench.stream(Stream.IN, 4)
    after, _ = await bench.session._inbound.watermarks()
    assert before[ANA] < after[ANA] < after[BETO]
    await bench.again()
    assert not bench.session._inbound.history_comes
