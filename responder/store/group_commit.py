"""Group commit: what many tasks want written at the same time is written in one transaction.

A transaction costs the same whether it holds one turn or fifty; alone it starts at once, so nobody waits for company.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Outcome = TypeVar("_Outcome")
#: Items in one transaction, so that none takes long.
MOST = 100


class GroupCommit(Generic[_Item, _Outcome]):
    """`write` takes a group and returns an outcome for each; what it raises, everyone of the group gets."""

    def __init__(self, write: Callable[[Sequence[_Item]], Awaitable[Sequence[_Outcome]]]) -> None:
        self._write = write
        self._waiting: list[tuple[_Item, asyncio.Future[_Outcome]]] = []
        self._news = asyncio.Event()

    async def put(self, item: _Item) -> _Outcome:
        """Write an item; returns its outcome once it is committed."""
        outcome: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, outcome))
        self._news.set()
        return await outcome

    async def run(self) -> None:
        while True:
            await self._news.wait()
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            if not self._waiting:
                self._news.clear()
            group = [(item, outcome) for item, outcome in group if not outcome.done()]
            if not group:
                continue
            try:
                outcomes = await self._write([item for item, _ in group])
            except Exception as error:  # noqa: BLE001 - whoever waits for it deals with it
                for _, outcome in group:
                    if not outcome.done():
                        outcome.set_exception(error)
            else:
                for (_, waiting), result in zip(group, outcomes, strict=True):
                    if not waiting.done():
                        waiting.set_result(result)
