"""Turns of the event loop: of all that webhooks have to do at once, one step in each.

A message for a thousand webhooks makes thousands of steps of 50 to 300 µs. All of them ready at once, they are one turn
of the loop that lasts for tenths of a second, and MQTT, which shares the loop, waits for its end. One at a time, MQTT
waits for one. Steps of an idle loop follow each other at once, so that nothing is slower where nothing else waits.

A message on its way to MQTT needs a dozen turns, the writer's thread and the broker, and each of them would wait for a
step: they pause until the broker has it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class LoopTurns:
    """First come, first served; one object for the whole bridge.

    `longest_pause`: seconds for which the steps pause at most, however long a message is on its way: a broker may hang.
    """

    def __init__(self, longest_pause: float) -> None:
        self._longest_pause = longest_pause
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._running = False
        self._ahead: set[object] = set()
        self._pause: asyncio.TimerHandle | None = None  # its end at the latest; None: no step pauses
        self._paused_at = self._free_until = 0.0  # on the loop's clock; no pause begins before the latter

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """The steps pause while it is entered, at most half of the time: a pause is followed by as long without one."""
        loop, entry = asyncio.get_running_loop(), object()
        self._ahead.add(entry)
        if self._pause is None and (now := loop.time()) >= self._free_until:
            self._paused_at = now
            self._pause = loop.call_at(now + self._longest_pause, self._give_up)
        try:
            yield
        finally:
            self._ahead.discard(entry)
            if not self._ahead:
                self._end_pause()

    async def take(self) -> None:
        """Return in a turn in which no other caller does."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.release([turn])
        await turn

    def release(self, turns: Iterable[asyncio.Future[None]]) -> None:
        """Give a result to futures that tasks wait for, one in each turn of the loop, in order."""
        self._waiting.extend(turns)
        self._go_on()

    def _give_up(self) -> None:
        self._ahead.clear()  # the next message has a pause of its own, which ends with it
        self._end_pause()

    def _end_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
            now = asyncio.get_running_loop().time()
            self._free_until = now + (now - self._paused_at)
            self._go_on()

    def _go_on(self) -> None:
        if self._waiting and not self._running and self._pause is None:
            self._running = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._running = False
        while self._waiting and self._pause is None:
            turn = self._waiting.popleft()
            if not turn.done():  # its task was cancelled
                turn.set_result(None)
                break
        self._go_on()
