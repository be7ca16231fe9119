"""The work of each lease: reads sessions, answers parts of the chats, polls the store for unfinished work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from typing_extensions import override

from bridge.sql.errors import DatabaseDown
from responder.leases import HeldLeases, LeasedWork
from responder.replies import Replies
from responder.session_reader import SessionReader
from responder.store.pending import PendingWork
from responder.store.rows import PARTS, Lease, chats_lease, session_of

_log = logging.getLogger(__name__)
#: Seconds between two polls of the store: alone only a safety net, with other replicas to find what they record.
POLL_ALONE, POLL_SHARED = 15.0, 0.5

ReaderFactory = Callable[[str, Lease], SessionReader]


class LeaseWorker(LeasedWork):
    """`open_reader` is None in webhook mode, where no stream is read."""

    def __init__(
        self,
        replies: Replies,
        store: PendingWork,
        held: HeldLeases,
        open_reader: ReaderFactory | None,
    ) -> None:
        self._part_of = {chats_lease(part): part for part in range(PARTS)}
        self._replies = replies
        self._store = store
        self._held = held
        self._open_reader = open_reader
        self._parts: set[int] = set()
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._poll_now = asyncio.Event()
        self._tasks: asyncio.TaskGroup

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._replies.run(), name="replies")
            while True:
                with suppress(DatabaseDown):
                    await self._poll()
                self._poll_now.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SHARED if self._held.replicas > 1 else POLL_ALONE):
                        await self._poll_now.wait()

    @override
    async def begin(self, lease: Lease) -> None:
        if lease.name in self._part_of:
            self._parts.add(self._part_of[lease.name])
            self._poll_now.set()
        elif self._open_reader is not None and (session := session_of(lease.name)):
            reader = self._open_reader(session, lease)
            self._readers[lease.name] = self._tasks.create_task(reader.run(), name=f"read {session}")
            _log.info("%s: reading.", session)

    @override
    async def end(self, name: str) -> None:
        if name in self._part_of:
            self._parts.discard(self._part_of[name])
            await self._replies.drop(self._part_of[name])
        elif reader := self._readers.pop(name, None):
            reader.cancel()
            await asyncio.wait([reader])

    async def _poll(self) -> None:
        if parts := tuple(self._parts):
            await self._replies.take_up(await self._store.unfinished(parts))
            self._replies.enqueue(await self._store.pending(parts))
