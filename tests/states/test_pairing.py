"""Messages around a pairing: order within a chat with gaps in the page's memory, and late history."""

from __future__ import annotations

import asyncio

import pytest

from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from bridge.core.catch_up import CatchUpLimits
from tests.drivers.worlds import ANA, WebWorld
from tests.states.conftest import TIMEOUT, Live

BRUNO = "5491155500002@c.us"


@pytest.mark.parametrize("before", [0, 2, 5])
async def test_messages_of_one_second_stay_in_order_over_a_pairing(live: Live, web: WebWorld, before: int) -> None:
    async with live(paired=True) as life:
        linking, written = web.sandbox.world.linking, list[str]()

        def write(count: int = 1) -> None:
            for _ in range(count):
                written.append(str(len(written)))
                web.incoming(BRUNO, written[-1])

        write(before)
        linking.log_out(next(iter(linking.devices)))
        write(before)
        await life.until(lambda: any(slot.ref for slot in linking.slots.values()), TIMEOUT)
        write()
        linking.scan()
        for _ in range(10):  # while the page loads its chats
            write()
            await asyncio.sleep(0.1)
        await life.until(lambda: life.session.view.situation.state is SessionState.CONNECTED)
        assert [item["body"] for item in await life.inbox(len(written))] == written


async def test_messages_written_while_unlinked_are_published_although_the_phone_sends_them_late(
    live: Live, web: WebWorld
) -> None:
    linking = web.sandbox.world.linking
    web.incoming(ANA, "years ago")
    async with live(paired=True, catch_up=CatchUpLimits(after_pairing=(0.5,) * 40)) as life:
        web.incoming(ANA, "1")
        await life.inbox(1)
        web.withhold_history()
        web.log_out()
        web.incoming(ANA, "2")
        await life.until(lambda: any(slot.ref for slot in linking.slots.values()))
        web.incoming(BRUNO, "3")
        linking.scan()
        await life.reach(SessionState.CONNECTED)
        web.incoming(ANA, "4")
        assert [item["body"] for item in await life.inbox(2)] == ["1", "4"]
        web.send_history()
        published = [(item["body"], item["late"]) for item in await life.inbox(4)]
        assert published[:2] == [("1", False), ("4", False)]
        assert sorted(text for text, _ in published[2:]) == ["2", "3"]
        assert ("2", True) in published  # "3" may be of the second in which the connection began


async def test_a_history_that_the_phone_sends_in_pages_is_published_page_by_page(live: Live, web: WebWorld) -> None:
    linking, passes = web.sandbox.world.linking, CatchUpLimits(after_pairing=(0.3,) * 100)
    for number in range(20):
        web.incoming(ANA, f"years ago {number}")
    async with live(paired=True, catch_up=passes) as life:
        web.incoming(ANA, "before")
        await life.inbox(1)
        web.log_out()
        written = [f"{number}" for number in range(12)]
        for number, body in enumerate(written):
            web.incoming(ANA if number % 3 else BRUNO, body)
        web.set(history_page=3, history_pause_ms=700)
        await life.until(lambda: any(slot.ref for slot in linking.slots.values()))
        linking.scan()
        await life.reach(SessionState.CONNECTED)
        web.set(phone_on=False)
        web.incoming(ANA, "now")
        await life.until(lambda: life.store.journal.bounds(Stream.IN).last >= 2)
        web.set(phone_on=True)
        published = [item["body"] for item in await life.inbox(14)]
        assert sorted(published) == sorted(["before", "now", *written])
        await asyncio.sleep(1)  # what is left of the history is from before the first pairing
        assert len(await life.inbox()) == 14
