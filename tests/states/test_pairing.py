"""Messages around a pairing: order within a chat with gaps in the page's memory, and late history."""

from __future__ import annotations

import asyncio

import pytest

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
        assert sorted(published[2:]) == [("2", True), ("3", True)]
