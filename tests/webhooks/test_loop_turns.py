"""Turns of the event loop: one step in each, in order, whatever happens to those that wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge.webhooks.loop_turns import LoopTurns

PAUSE = 0.02


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
    turns, seen = LoopTurns(PAUSE), []

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
    turns, seen = LoopTurns(PAUSE), []

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
    turns = LoopTurns(PAUSE)
    crowd = [asyncio.create_task(turns.take(), name=f"webhook {number}") for number in range(1000)]
    await asyncio.sleep(0)
    before = counter.turn
    for _ in range(10):
        await asyncio.sleep(0)
    assert counter.turn - before <= 11
    assert sum(task.done() for task in crowd) <= 12
    await asyncio.wait(crowd)


async def turns_pass(number: int = 20) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_no_step_runs_while_something_is_ahead() -> None:
    turns = LoopTurns(60.0)
    crowd = [asyncio.create_task(turns.take(), name=f"webhook {number}") for number in range(10)]
    await asyncio.sleep(0)
    with turns.ahead():
        await turns_pass()
        with turns.ahead():
            await turns_pass()
        before = [task.done() for task in crowd].count(True)
        late = asyncio.create_task(turns.take(), name="one that comes meanwhile")
        await turns_pass()
        assert [task.done() for task in crowd].count(True) == before <= 1
    assert await asyncio.wait_for(asyncio.gather(*crowd, late), 5)


async def test_a_cancelled_message_does_not_leave_the_steps_in_a_pause() -> None:
    turns = LoopTurns(PAUSE)

    async def message() -> None:
        with turns.ahead():
            await asyncio.Event().wait()

    arriving = asyncio.create_task(message(), name="message")
    await asyncio.sleep(0)
    arriving.cancel()
    await asyncio.wait([arriving])
    await asyncio.wait_for(turns.take(), 5)


async def test_a_message_that_never_arrives_delays_the_steps_for_a_moment_only() -> None:
    """A broker that hangs."""
    turns, clock = LoopTurns(PAUSE), asyncio.get_running_loop().time
    with turns.ahead():
        began = clock()
        async with asyncio.timeout(10):
            await turns.take()
            assert clock() - began >= 0.9 * PAUSE
            for _ in range(1000):
                await turns.take()


async def test_a_message_that_hangs_does_not_make_the_pauses_of_others_longer() -> None:
    turns, clock = LoopTurns(0.5), asyncio.get_running_loop().time
    with turns.ahead():
        await turns.take()
        await asyncio.sleep(0.6)  # until steps may pause again
        with turns.ahead():
            step = asyncio.create_task(turns.take(), name="step")
            await turns_pass()
            assert not step.done()
        began = clock()
        await asyncio.wait_for(step, 5)
    assert clock() - began < 0.25


async def test_messages_without_end_leave_the_steps_half_of_the_time() -> None:
    turns, clock = LoopTurns(PAUSE), asyncio.get_running_loop().time
    ends = clock() + 1.0
    paused = 0.0

    async def messages() -> None:
        nonlocal paused
        while (began := clock()) < ends:
            with turns.ahead():
                waiting = asyncio.create_task(turns.take(), name="step")
                await asyncio.sleep(0.004)
                if not waiting.done():
                    paused += clock() - began
            await waiting

    async with asyncio.timeout(10):
        await messages()
    assert 0.1 < paused <= 0.6
