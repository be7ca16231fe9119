"""Wake-ups: waiting until a number is above another, without polling."""

from __future__ import annotations

import asyncio


class Threshold:
    """A number that is set in the event loop; tasks wait until it exceeds theirs."""

    def __init__(self, value: int = 0) -> None:
        self._value = value
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def value(self) -> int:
        return self._value

    def move(self, value: int) -> None:
        """Set the number and wake every waiter."""
        self._value = value
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def beyond(self, value: int) -> None:
        """Return once the number is above `value`."""
        while self._value <= value:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
