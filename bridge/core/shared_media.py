"""What all sessions of a bridge share for the files of their messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bridge.contract.kinds.media import MediaState
from bridge.contract.requests import MediaAnswer
from bridge.core.media_links import MediaLinks
from bridge.core.media_policy import MediaPolicy
from bridge.ports import MediaStore, ReceivedMedia


class Storing:
    """Keeps what deletes files from a file that was found or stored, and that no message refers to yet.

    Several may store at once, as one file may take long. Nothing begins to store while something waits to delete.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._storing = 0
        self._deleting = False

    @asynccontextmanager
    async def store(self) -> AsyncIterator[None]:
        """From when a file is found or stored until a message refers to it."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._deleting)
            self._storing += 1
        try:
            yield
        finally:
            async with self._changed:
                self._storing -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def delete(self) -> AsyncIterator[None]:
        """From when references are read until what has none is deleted."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._deleting)
            self._deleting = True
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._storing)
            yield
        finally:
            async with self._changed:
                self._deleting = False
                self._changed.notify_all()


async def _never(_sha256: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class SharedMedia:
    """The store of files, which of them are downloaded, and how they are linked.

    `is_used`: whether a message or a command of any session refers to a file.
    """

    store: MediaStore
    policy: MediaPolicy
    links: MediaLinks
    is_used: Callable[[str], Awaitable[bool]] = _never
    storing: Storing = field(default_factory=Storing)

    def answer(self, row: ReceivedMedia, session: str, now: float) -> MediaAnswer:
        """What is known of a file, with a link if it is here. `now` is unix seconds."""
        ready = row.state is MediaState.READY and row.sha256 is not None
        return MediaAnswer(
            message_id=row.message_id,
            state=row.state,
            url=self.links.link(row.sha256 or "", session, now) if ready else None,
            sha256=row.sha256,
            size=row.size,
            mimetype=row.mimetype,
            filename=row.filename,
        )
