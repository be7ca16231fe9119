"""Group commit: items that many tasks write at the same time share a transaction.

A transaction costs the same for one turn as for fifty. An item starts its transaction at once if none is running.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Outcome = TypeVar("_Outcome")
#: Maximum items of a transaction, which bounds its duration.
MOST = 100


class GroupCommit(Generic[_Item, _Outcome]):
    """`write` takes a group and returns an outcome for each; its error is raised for every item of the group.

    `fits` says whether a group may be written in one transaction; an item alone always is.
    """

    def __init__(
        self,
        write: Callable[[Sequence[_Item]], Awaitable[Sequence[_Outcome]]],
        fits: Callable[[Sequence[_Item]], bool] = lambda _: True,
    ) -> None:
        self._write = write
        self._fits = fits
        self._waiting: list[tuple[_Item, asyncio.Future[_Outcome]]] = []
        self._added = asyncio.Event()

    async def put(self, item: _Item) -> _Outcome:
        """Write an item; returns its outcome after the commit."""
        outcome: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, outcome))
        self._added.set()
        return await outcome

    async def run(self) -> None:
        while True:
            await self._added.wait()
            most = MOST
            while most > 1 and not self._fits([item for item, _ in self._waiting[:most]]):
                most //= 2
            group, self._waiting = self._waiting[:most], self._waiting[most:]
            if not self._waiting:
                self._added.clear()
            group = [(item, outcome) for item, outcome in group if not outcome.done()]
            if not group:
                continue
            try:
                outcomes = await self._write([item for item, _ in group])
            except Exception as error:  # noqa: BLE001 - raised to the callers of `put`
                for _, outcome in group:
                    if not outcome.done():
                        outcome.set_exception(error)
            else:
                for (_, waiting), result in zip(group, outcomes, strict=True):
                    if not waiting.done():
                        waiting.set_result(result)
