"""Turns of browsers: how many start at once, in which order, and within which memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.web.turns import EXPECTED_MB, BrowserTurn, BrowserTurns
from tests.drivers.recording import running
from tests.drivers.worlds import ANA, WebWorld, connected


class Machine:
    """Browsers that use as much memory as they say, and run until they are closed."""

    def __init__(self, at_once: int, budget_mb: int | None = None, *, longest_start: float = 30.0) -> None:
        self.turns = BrowserTurns(at_once, budget_mb, lambda: self.used, longest_start=longest_start)
        self.used = 0
        self.started: list[str] = []
        self.said: dict[str, list[Situation]] = {}
        self._open: dict[str, tuple[BrowserTurn, asyncio.Event]] = {}

    async def browser(self, name: str, rank: int = 1) -> None:
        async def waits(situation: Situation) -> None:
            self.said.setdefault(name, []).append(situation)

        async with self.turns.turn(rank, waits) as turn:
            self._open[name] = turn, (closed := asyncio.Event())
            self.started.append(name)
            await closed.wait()

    def settle(self, name: str, megabytes: int = 0) -> None:
        self.used += megabytes
        self.turns.settled(self._open[name][0])

    def close(self, name: str, megabytes: int = 0) -> None:
        self.used -= megabytes
        self._open.pop(name)[1].set()

    def reasons(self, name: str) -> list[Reason]:
        return [situation.reason for situation in self.said.get(name, [])]


@asynccontextmanager
async def run(machine: Machine, *browsers: tuple[str, int]) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Let these browsers wait in this order; gives a wait until that number has started."""
    tasks = [asyncio.create_task(machine.browser(name, rank)) for name, rank in browsers]

    async def until(number: int) -> None:
        async with asyncio.timeout(10):
            while len(machine.started) < number:  # noqa: ASYNC110 - what is tested makes the events
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)  # one more would have started by now
        assert len(machine.started) == number

    try:
        yield until
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_few_start_at_once_and_those_that_were_connected_come_first() -> None:
    machine = Machine(2)
    async with run(machine, ("a", 1), ("b", 1), ("c", 1), ("new", 1), ("known", 0)) as until:
        await until(2)
        assert machine.started == ["a", "b"]
        assert machine.reasons("new") == [Reason.WAITING_FOR_TURN]
        assert machine.said["new"][0].state is SessionState.STARTING
        machine.settle("a")
        await until(3)
        assert machine.started[2] == "known"
        machine.close("b")  # a browser that failed gives its turn back, too
        await until(4)
        assert machine.started[3] == "c"


async def test_a_turn_that_comes_while_the_wait_is_reported_is_not_missed() -> None:
    turns, started = BrowserTurns(1, None, lambda: 0), asyncio.Event()

    async def first_ends(_: Situation) -> None:
        turns.settled(first)
        await asyncio.sleep(0)

    async def second() -> None:
        async with turns.turn(1, first_ends):
            started.set()

    async with turns.turn(1, first_ends) as first:
        waiting = asyncio.create_task(second())
        async with asyncio.timeout(5):
            await started.wait()
        await waiting


async def test_a_page_that_never_comes_to_rest_does_not_keep_the_others_waiting() -> None:
    machine = Machine(1, longest_start=0.2)
    async with run(machine, ("stuck", 1), ("next", 1)) as until:
        await until(1)
        async with asyncio.timeout(5):
            while len(machine.started) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_session_that_gives_up_waiting_holds_no_other_up() -> None:
    machine = Machine(1)
    async with run(machine, ("a", 1)) as until:
        await until(1)
        gone = asyncio.create_task(machine.browser("gone", 0))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.wait([gone])
        async with run(machine, ("b", 1)):
            machine.settle("a")
            await until(2)


async def test_what_does_not_fit_into_the_memory_waits_and_says_so() -> None:
    machine = Machine(9, 5 * EXPECTED_MB)
    async with run(machine, ("a", 1), ("b", 1), ("c", 1)) as until:
        await until(3)  # each is expected to need 100 MB: 0 + 3 × 100
        for name in "abc":
            machine.settle(name, 140)
        async with run(machine, ("d", 0)):
            await until(3)
            [said] = machine.said["d"]
            assert (said.state, said.reason) == (SessionState.STARTING, Reason.WAITING_FOR_MEMORY)
            assert "420 of 500 MB used, 140 needed" in said.text
            machine.close("a", 140)
            await until(4)


async def test_one_browser_always_runs() -> None:
    machine = Machine(9, 1)
    async with run(machine, ("a", 1), ("b", 1)) as until:
        await until(1)
        machine.settle("a", 90)
        await until(1)
        machine.close("a", 90)
        await until(2)


async def test_a_session_that_was_connected_is_remembered_in_its_profile(web: WebWorld) -> None:
    turns = BrowserTurns(1, None, lambda: 0)
    driver = web.web_driver()
    driver._turns = turns
    ranks: list[int] = []
    turn = turns.turn

    def noted(rank: int, waits: Callable[[Situation], object]) -> object:
        ranks.append(rank)
        return turn(rank, waits)  # type: ignore[arg-type]

    turns.turn = noted  # type: ignore[method-assign,assignment]
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        web.pair()
        await sink.until_state(SessionState.CONNECTED)
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        web.log_out()
        await sink.until_state(SessionState.PAIRING)
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
    assert ranks == [1, 0, 1]


async def test_a_browser_that_fails_again_and_again_holds_no_other_up(web: WebWorld, tmp_path: Path) -> None:
    turns = BrowserTurns(1, None, lambda: 0)
    broken = tmp_path / "broken-browser"
    tries = tmp_path / "tries"
    broken.write_text(f"#!/bin/sh\necho >>{tries}\nexit 1\n")
    broken.chmod(0o755)
    other = WebWorld(web.sandbox, web.runtime, tmp_path / "other")
    failing, driver = other.web_driver(executable=str(broken)), web.web_driver()
    failing._turns = driver._turns = turns
    async with running(failing) as fails:
        await fails.until_state(SessionState.ERROR)
        async with connected(web, driver) as (_, sink):
            seen, tried = len(sink.situations), tries.stat().st_size
            async with asyncio.timeout(20):
                while tries.stat().st_size < tried + 3:  # noqa: ASYNC110 - of another process
                    await asyncio.sleep(0.05)
            web.incoming(ANA, "hola")
            await sink.until(lambda: sink.messages)
            assert len(sink.situations) == seen
