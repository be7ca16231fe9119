"""`late`: whether a message is older than the connection, by its own time, whichever way it came."""

from __future__ import annotations

from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from tests.clocks import FakeClock
from tests.core.commands import ANA, BETO
from tests.core.conftest import SessionHarness


async def test_a_live_message_from_before_the_connection_is_late(harness: SessionHarness, clock: FakeClock) -> None:
    """What the service kept while no page was open comes after the load, as ordinary live messages."""
    await harness.start()
    await harness.end()
    clock.advance(10)
    away = int(clock.now())
    clock.advance(10)
    await harness.start()
    harness.phone.incoming(ANA, "kept", timestamp=away)
    harness.phone.own(ANA, "typed on the phone meanwhile", timestamp=away)
    harness.phone.incoming(ANA, "now")
    published = await harness.stream(Stream.IN, 2)
    assert [(m["body"], m["late"]) for m in published] == [("kept", True), ("now", False)]
    [own] = await harness.stream(Stream.EVENT, 1)
    assert own["message"]["late"] is True


async def test_each_connection_has_a_beginning_of_its_own(harness: SessionHarness, clock: FakeClock) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "1")
    await harness.stream(Stream.IN, 1)
    clock.advance(10)
    between = int(clock.now())
    harness.phone.incoming(BETO, "2")
    await harness.stream(Stream.IN, 2)
    harness.phone.link(up=False)
    await harness.reach(SessionState.RECONNECTING)
    clock.advance(10)
    harness.phone.link(up=True)
    await harness.reach(SessionState.CONNECTED)
    harness.phone.incoming(ANA, "3", timestamp=between + 5)
    harness.phone.own(ANA, "4", timestamp=between + 5)
    harness.phone.incoming(ANA, "5")
    published = await harness.stream(Stream.IN, 4)
    assert [(m["body"], m["late"]) for m in published] == [("1", False), ("2", False), ("3", True), ("5", False)]
    [own] = await harness.stream(Stream.EVENT, 1)
    assert own["message"]["late"] is True


async def test_a_message_that_catch_up_finds_on_the_open_connection_is_not_late(
    harness: SessionHarness, clock: FakeClock
) -> None:
    await harness.start()
    harness.phone.live.clear()
    harness.phone.history.append(harness.phone.incoming(ANA, "without an event"))
    harness.phone.live.clear()
    await harness.session._catching_up.collect()
    assert [(m["body"], m["late"]) for m in await harness.stream(Stream.IN, 1)] == [("without an event", False)]
