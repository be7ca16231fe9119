"""Turns of the event loop: of all that webhooks have to do at once, one step in each.

A message for a thousand webhooks makes thousands of steps of 50 to 300 µs. All of them ready at once, they are one turn
of the loop that lasts for tenths of a second, and MQTT, which shares the loop, waits for its end. One at a time, MQTT
waits for one. Steps of an idle loop follow each other at once, so that nothing is slower where nothing else waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable


class LoopTurns:
    """First come, first served; one object for the whole bridge."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._running = False

    async def take(self) -> None:
        """Return in a turn in which no other caller does."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.release([turn])
        await turn

    def release(self, turns: Iterable[asyncio.Future[None]]) -> None:
        """Give a result to futures that tasks wait for, one in each turn of the loop, in order."""
        self._waiting.extend(turns)
        if self._waiting and not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # its task was cancelled
                turn.set_result(None)
                break
        self._running = bool(self._waiting)
        if self._running:
            asyncio.get_running_loop().call_soon(self._next)
