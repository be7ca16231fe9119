"""Turns of the event loop: one step in each, in order, whatever happens to those that wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge.webhooks.loop_turns import LoopTurns


class TurnCounter:
    """Counts the turns of the loop."""

    def __init__(self) -> None:
        self.turn = 0
        self._next = asyncio.get_running_loop().call_soon(self._count)

    def _count(self) -> None:
        self.turn += 1
        self._next = asyncio.get_running_loop().call_soon(self._count)

    def end(self) -> None:
        self._next.cancel()


@pytest.fixture
async def counter() -> AsyncIterator[TurnCounter]:
    counter = TurnCounter()
    yield counter
    counter.end()


async def test_each_gets_a_turn_of_the_loop_for_itself_in_order(counter: TurnCounter) -> None:
    turns, seen = LoopTurns(), []

    async def step(number: int) -> None:
        await turns.take()
        seen.append((counter.turn, number))

    async with asyncio.TaskGroup() as tasks:
        for number in range(100):
            tasks.create_task(step(number), name=f"step {number}")
    assert [number for _, number in seen] == list(range(100))
    assert len({turn for turn, _ in seen}) == 100
    assert seen[-1][0] - seen[0][0] <= 110, "no turn is left out"


async def test_a_cancelled_one_costs_the_others_nothing(counter: TurnCounter) -> None:
    turns, seen = LoopTurns(), []

    async def step(number: int) -> None:
        await turns.take()
        seen.append(number)

    steps = [asyncio.create_task(step(number), name=f"step {number}") for number in range(4)]
    await asyncio.sleep(0)
    steps[0].cancel()
    steps[2].cancel()
    await asyncio.wait(steps)
    assert seen == [1, 3]
    await asyncio.wait_for(step(9), 5)
    assert seen == [1, 3, 9]


async def test_those_that_wait_do_not_hold_up_another_task(counter: TurnCounter) -> None:
    """What MQTT needs: a few turns of its own, however much is waiting."""
    turns = LoopTurns()
    crowd = [asyncio.create_task(turns.take(), name=f"webhook {number}") for number in range(1000)]
    await asyncio.sleep(0)
    before = counter.turn
    for _ in range(10):
        await asyncio.sleep(0)
    assert counter.turn - before <= 11
    assert sum(task.done() for task in crowd) <= 12
    await asyncio.wait(crowd)
