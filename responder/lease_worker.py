"""What this replica does under which lease: reads sessions, answers parts of the chats, looks for what is left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from responder.errors import DatabaseDown
from responder.replies import Replies
from responder.session_reader import SessionReader
from responder.store.pending import PendingWork
from responder.store.rows import PARTS, Lease, chats_lease, reading_lease

_log = logging.getLogger(__name__)
#: Seconds between two looks into the store for work: alone only as a safety net, with others to see what they record.
LOOK_ALONE, LOOK_SHARED = 15.0, 0.5

StartReading = Callable[[str, Lease], SessionReader]


class LeaseWorker:
    """`Work` of the leases. `run` is its life. `reading` is None where nothing is read, as in webhook mode."""

    def __init__(
        self, sessions: tuple[str, ...], replies: Replies, waiting: PendingWork, reading: StartReading | None
    ) -> None:
        self._sessions = {reading_lease(session): session for session in sessions}
        self._parts = {chats_lease(part): part for part in range(PARTS)}
        self._replies = replies
        self._waiting = waiting
        self._reading = reading
        self._held: set[int] = set()
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._look = asyncio.Event()
        self._tasks: asyncio.TaskGroup
        #: How many replicas are alive; says how often to look.
        self.alive: Callable[[], int] = lambda: 1

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._replies.run(), name="replies")
            while True:
                with suppress(DatabaseDown):
                    await self._look_for_work()
                self._look.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SHARED if self.alive() > 1 else LOOK_ALONE):
                        await self._look.wait()

    async def begin(self, lease: Lease) -> None:
        if lease.name in self._parts:
            self._held.add(self._parts[lease.name])
            self._look.set()
        elif self._reading is not None and (session := self._sessions.get(lease.name)):
            reading = self._reading(session, lease)
            self._readers[lease.name] = self._tasks.create_task(reading.run(), name=f"read {session}")
            _log.info("%s: reading.", session)

    async def end(self, name: str) -> None:
        if name in self._parts:
            self._held.discard(self._parts[name])
            await self._replies.drop(self._parts[name])
        elif reader := self._readers.pop(name, None):
            reader.cancel()
            await asyncio.wait([reader])

    async def _look_for_work(self) -> None:
        if parts := tuple(self._held):
            self._replies.resume(await self._waiting.unfinished(parts))
            self._replies.offer(await self._waiting.pending(parts))
