"""The order within a chat, where the page's memory has holes: messages of one second around a pairing."""

from __future__ import annotations

import asyncio

import pytest

from bridge.contract.session import SessionState
from tests.drivers.worlds import WebWorld

from .conftest import PATIENCE, Live

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
        await life.until(lambda: any(slot.ref for slot in linking.slots.values()), PATIENCE)
        write()
        linking.scan()
        for _ in range(10):  # while the page loads its chats
            write()
            await asyncio.sleep(0.1)
        await life.until(lambda: life.session.view.situation.state is SessionState.CONNECTED)
        assert [item["body"] for item in await life.inbox(len(written))] == written
