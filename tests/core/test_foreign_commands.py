"""Commands of another owner are taken over: in their order, many with one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from bridge.core.foreign_commands import TOGETHER, ForeignCommands
from bridge.ports import Claim, Claimed, NewNotice, Outbox, OutboxRow
from tests.core.conftest import SessionHarness


def noted(count: int) -> ForeignCommands:
    found = ForeignCommands("haby")
    for n in range(count):
        found.command(b'{"id": "c%d", "to": "5491155500001", "message": "hola"}' % n)
    return found


class Together:
    """The real outbox behind a barrier: a claim goes on once all are there."""

    def __init__(self, outbox: Outbox, count: int) -> None:
        self._outbox = outbox
        self._barrier = asyncio.Barrier(count)

    async def claim(
        self, claim: Claim, accepted: NewNotice, on_new_row: Callable[[OutboxRow], None] | None = None
    ) -> Claimed:
        await self._barrier.wait()
        return await self._outbox.claim(claim, accepted, on_new_row)


async def test_claims_are_stored_together(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    outbox = cast("Outbox", Together(harness.store.outbox, 20))
    async with asyncio.timeout(10):
        assert await noted(20).claim(outbox, harness.clock.now()) == 20


async def test_a_command_that_is_noted_meanwhile_is_claimed_too(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    found = noted(2)
    both = cast("Outbox", Together(harness.store.outbox, 2))
    claiming = asyncio.create_task(found.claim(both, harness.clock.now()))
    await asyncio.sleep(0)  # the first two are on their way
    for late in (b"late", b"later"):
        found.command(b'{"id": "%s", "to": "5491155500001", "message": "hola"}' % late)
    assert await asyncio.wait_for(claiming, 10) == 4
    assert await harness.store.outbox.get("later") is not None


async def test_claims_keep_their_order_and_those_known_already_are_not_counted(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    outbox = harness.store.outbox
    await noted(3).claim(outbox, harness.clock.now())
    count = TOGETHER + 2
    assert await noted(count).claim(outbox, harness.clock.now()) == count - 3
    rows = [await outbox.get(f"c{n}") for n in range(count)]
    numbers = [row.number for row in rows if row is not None]
    assert len(numbers) == count
    assert numbers == sorted(numbers)
