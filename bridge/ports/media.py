"""The port to the files that belong to messages. A file is known by the SHA-256 of its bytes and never changes."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bridge.contract.errors import CodedError


class MediaUnusable(CodedError):
    """A file cannot be stored or read now: the disk is full, the storage does not answer. The sentence says which."""

    code = "media_unusable"


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """A stored file. `sha256` is 64 hexadecimal digits in lower case, `size` bytes, `stored_at` unix seconds."""

    sha256: str
    size: int
    stored_at: float


class MediaStore(Protocol):
    """Files by their SHA-256, 64 hexadecimal digits in lower case: anything else is a `ValueError`.

    What `add` and `adopt` return is durable. Raises `MediaUnusable`.
    """

    async def add(self, parts: AsyncIterable[bytes], limit: int) -> StoredMedia:
        """Store what `parts` yields. Raises `TooLarge` above `limit` bytes; then, and at an error, nothing stays."""
        ...

    async def adopt(self, path: Path) -> StoredMedia:
        """Store a file of this machine and remove it from where it is."""
        ...

    async def find(self, sha256: str) -> StoredMedia | None:
        """The file, without its bytes."""
        ...

    def read(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Its bytes from `start` to before `end`, in parts. Raises `FileNotFoundError` where it is not stored."""
        ...

    def on_disk(self, sha256: str) -> AbstractAsyncContextManager[Path]:
        """A file of this machine with these bytes, as long as the context lasts; it is only read.

        Raises `FileNotFoundError` where it is not stored.
        """
        ...

    async def delete(self, sha256: str) -> None:
        """Delete the file, if it is stored."""
        ...

    def all(self) -> AsyncIterator[StoredMedia]:
        """Every file, in no order."""
        ...
