"""Turns of the browsers of one bridge: few start at once, and none beyond the memory that is set for all of them.

A start takes most of a core, and sessions that start together delay each other until pages count as dead. It knows no
session: a browser has a rank, and those that wait are taken by rank, then in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

from bridge.contract.session import Reason, SessionState, Situation

#: Megabytes that a browser is taken to need until running ones show it.
EXPECTED_MB = 100
#: Seconds after which a browser that has not come to rest does not count as starting any more; between two looks at the
#: memory.
LONGEST_START, LOOK = 30.0, 2.0
_Waits = Callable[[Situation], Awaitable[None]]


@dataclass(order=True, slots=True)
class BrowserTurn:
    """The place of one browser, from its wait to its end."""

    rank: int
    number: int
    starting: bool = field(default=True, compare=False)


class BrowserTurns:
    """`async with turns.turn(…)` lasts as long as the browser. `at_once` starts, `budget_mb` None = no budget."""

    def __init__(
        self, at_once: int, budget_mb: int | None, measure: Callable[[], int], *, longest_start: float = LONGEST_START
    ) -> None:
        """`measure` returns the megabytes of all running browsers; it blocks, so it is called in a thread."""
        self._at_once = at_once
        self._budget_mb = budget_mb
        self._measure = measure
        self._longest_start = longest_start
        self._numbers = count()
        self._waiting: list[BrowserTurn] = []
        self._running: list[BrowserTurn] = []
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def turn(self, rank: int, waits: _Waits) -> AsyncIterator[BrowserTurn]:
        """Wait for the turn of a browser; a smaller rank goes first. `waits` is called with why it waits."""
        turn = BrowserTurn(rank, next(self._numbers))
        self._waiting.append(turn)
        try:
            reported: Situation | None = None
            while True:
                changed = self._changed  # before the look: what changes while `waits` runs is not missed
                if (obstacle := await self._obstacle(turn)) is None:
                    break
                if obstacle != reported:
                    await waits(obstacle)
                    reported = obstacle
                await self._is_set(changed)
            self._running.append(turn)
        finally:
            self._waiting.remove(turn)
            self._notify()
        timer = asyncio.get_running_loop().call_later(self._longest_start, self.settled, turn)
        try:
            yield turn
        finally:
            timer.cancel()
            self._running.remove(turn)
            self._notify()

    def settled(self, turn: BrowserTurn) -> None:
        """The browser has started: its page came to rest, in whatever state."""
        if turn.starting:
            turn.starting = False
            self._notify()

    async def _obstacle(self, turn: BrowserTurn) -> Situation | None:
        """Why this browser cannot start now."""
        waits = Situation(SessionState.STARTING, Reason.WAITING_FOR_TURN)
        if self._is_early(turn):
            return waits
        if (memory := await self._lack_of_memory()) is not None:
            return memory
        return waits if self._is_early(turn) else None  # one that goes first may have come meanwhile

    def _is_early(self, turn: BrowserTurn) -> bool:
        starting = sum(one.starting for one in self._running)
        return starting >= self._at_once or min(self._waiting) is not turn

    async def _lack_of_memory(self) -> Situation | None:
        """One browser always runs: a budget below that would stop everything."""
        if self._budget_mb is None or not self._running:
            return None
        used = await asyncio.to_thread(self._measure)
        starting = sum(one.starting for one in self._running)
        settled = len(self._running) - starting
        # a browser that starts has not taken yet what it will need
        each = max(EXPECTED_MB, round(used / settled) if settled and not starting else 0)
        needed = used + each * (starting + 1)
        if not self._running or needed <= self._budget_mb:
            return None
        detail = f"{used} of {self._budget_mb} MB used, {each} needed"
        return Situation(SessionState.STARTING, Reason.WAITING_FOR_MEMORY, detail)

    async def _is_set(self, changed: asyncio.Event) -> None:
        """Wait until a turn changes; with a budget, not for long: memory changes by itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None if self._budget_mb is None else LOOK):
                await changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
