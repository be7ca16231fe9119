"""Uploads to a media store that go on where they were interrupted.

What came of a file with a known SHA-256 is kept as `<folder>/<sha256>`; the whole file is checked, then moved into the
store. An upload that does not go on is removed after a day.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterable, Collection
from pathlib import Path

from bridge.contract.errors import CodedError, InvalidRequest, TooLarge
from bridge.ports import MediaStore, StoredMedia
from bridge.store.media_files import digest_of, explained

#: Seconds that a part of a file waits for the rest, and files that may wait.
KEPT, WAITING = 24 * 3600.0, 100


class WrongOffset(CodedError):
    """The upload goes on elsewhere: at `offset`. None while another upload of the file runs."""

    code = "conflict"
    transient = False

    def __init__(self, offset: int | None) -> None:
        self.offset = offset
        super().__init__(
            "This file is being uploaded now." if offset is None else f"The upload goes on at offset {offset}."
        )


class Uploads:
    """Uploads of a bridge; `limit` is in bytes."""

    def __init__(self, folder: Path, store: MediaStore, *, limit: int) -> None:
        self._folder = folder
        self._store = store
        self._limit = limit
        self._running: set[str] = set()

    async def find(self, sha256: str) -> StoredMedia | None:
        """The file, if it is whole. Raises `ValueError` for what is no SHA-256."""
        return await self._store.find(sha256)

    async def head(self, sha256: str, count: int) -> bytes:
        """The first bytes of a whole file."""
        return b"".join([part async for part in self._store.read(sha256, 0, count)])

    async def offset(self, sha256: str) -> int:
        """How many of its bytes have come."""
        return await asyncio.to_thread(_size, self._folder / sha256)

    async def receive(
        self, parts: AsyncIterable[bytes], sha256: str | None = None, offset: int = 0, length: int | None = None
    ) -> StoredMedia:
        """Store what comes, of `length` bytes if that is announced. Without `sha256` it cannot go on after a break.

        Raises `WrongOffset`, `TooLarge`, `MediaUnusable`, and `InvalidRequest` for other bytes than `sha256` says.
        """
        if offset + (length or 0) > self._limit:
            raise TooLarge(f"The file has more than {self._limit:,} bytes (WA_MEDIA_LIMIT).")
        if sha256 is None:
            return await self._store.add(parts, self._limit)
        if (known := await self._store.find(sha256)) is not None:
            return known
        if sha256 in self._running:
            raise WrongOffset(None)
        self._running.add(sha256)
        try:
            with explained(self._folder):
                return await self._go_on(parts, sha256, offset)
        finally:
            self._running.discard(sha256)

    async def _go_on(self, parts: AsyncIterable[bytes], sha256: str, offset: int) -> StoredMedia:
        path = self._folder / sha256
        await asyncio.to_thread(self._make_room, path)
        if (size := _size(path)) != offset:
            raise WrongOffset(size)
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            async for part in parts:
                size += len(part)
                if size > self._limit:
                    path.unlink()
                    raise TooLarge(f"The file has more than {self._limit:,} bytes (WA_MEDIA_LIMIT).")
                await asyncio.to_thread(file.write, part)
        if await asyncio.to_thread(digest_of, path) != sha256:
            path.unlink()
            raise InvalidRequest("The bytes are not those of this SHA-256; the upload begins again at offset 0.")
        return await self._store.adopt(path)

    def _make_room(self, wanted: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_waiting(self._folder, WAITING - 1, but=self._running | {wanted.name})


def remove_waiting(folder: Path, most: int = WAITING, *, but: Collection[str] = ()) -> None:
    """Remove the uploads that wait for a day, and all but the newest `most`. Blocking; raises `MediaUnusable`.

    An upload that runs writes to its file, which is never a day old.
    """
    with explained(folder):
        dated = ((path.stat().st_mtime, path) for path in folder.glob("*") if path.name not in but and path.is_file())
        waiting = sorted(dated)
        for number, (at, path) in enumerate(waiting):
            if len(waiting) - number > most or at < time.time() - KEPT:
                path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
