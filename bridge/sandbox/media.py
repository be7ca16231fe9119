"""The service's server for the files of messages: it keeps what pages upload, under a path made of its SHA-256."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterable
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel

PREFIX = "/mms/"
#: Before the paths of the second server for files, which pages ask when the first one fails.
FALLBACK = "/fallback"
_PATH = re.compile(rf"{PREFIX}([0-9a-f]{{64}})")


class StoredUpload(BaseModel):
    """What the server answers to an upload; `sha256` is hexadecimal, `size` in bytes."""

    direct_path: str
    sha256: str
    size: int


class MediaServer:
    """Files in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def receive(self, parts: AsyncIterable[bytes]) -> StoredUpload:
        """Store an upload. An upload that breaks leaves nothing."""
        digest, size = hashlib.sha256(), 0
        incoming = self._folder / uuid4().hex
        try:
            with incoming.open("wb") as file:
                async for part in parts:
                    digest.update(part)
                    size += file.write(part)
            incoming.replace(self._folder / digest.hexdigest())
        finally:
            incoming.unlink(missing_ok=True)
        return StoredUpload(direct_path=f"{PREFIX}{digest.hexdigest()}", sha256=digest.hexdigest(), size=size)

    def file(self, sha256: str) -> Path | None:
        """The file with this SHA-256, if it was uploaded."""
        path = self._folder / sha256
        return path if re.fullmatch("[0-9a-f]{64}", sha256) and path.is_file() else None


def sha256_of(direct_path: object) -> str | None:
    """The SHA-256 of the file that a message names by its path."""
    found = _PATH.fullmatch(direct_path) if isinstance(direct_path, str) else None
    return found and found[1]
