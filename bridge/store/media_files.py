"""Media on the local disk: `<folder>/<first two digits>/<sha256>`, private to the owner, written once.

A file is written as `incoming-<random>` in the folder, synced, and renamed to its name: a name stands for whole bytes.
What a crash left behind is removed at the next start.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, TypeVar
from uuid import uuid4

from typing_extensions import override

from bridge.contract.errors import TooLarge
from bridge.ports import MediaStore, MediaUnusable, StoredMedia

#: Bytes read and hashed at a time, in a thread.
PART = 1 << 20
#: Beginning of the names of unfinished files.
INCOMING = "incoming-"
_SHA256 = re.compile("[0-9a-f]{64}")
_T = TypeVar("_T")


class MediaFiles(MediaStore):
    """A `MediaStore` in a folder of this machine."""

    def __init__(self, folder: Path, *, beside_a_bridge: bool = False) -> None:
        """Create the folder if needed, and remove unfinished files, unless they are those of a running bridge.

        Raises `MediaUnusable`.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self._readers: Counter[Path] = Counter()
        self._stored_again: set[Path] = set()  # while it was read
        with explained(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for unfinished in () if beside_a_bridge else folder.glob(f"{INCOMING}*"):
                unfinished.unlink(missing_ok=True)

    @override
    async def add(self, parts: AsyncIterable[bytes], limit: int) -> StoredMedia:
        async with spooled(self._incoming(), parts, limit) as (incoming, sha256):
            return await self._run(self._keep, incoming, sha256)

    @override
    async def adopt(self, path: Path) -> StoredMedia:
        return await self._run(self._adopt, path)

    @override
    async def find(self, sha256: str) -> StoredMedia | None:
        return await self._run(_describe, self._path(sha256))

    @override
    async def read(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        # not in a thread: a cancellation meanwhile would lose the open file
        with self._path(sha256).open("rb") as file:
            file.seek(start)
            left = None if end is None else end - start
            while left != 0 and (part := await asyncio.to_thread(file.read, PART if left is None else min(PART, left))):
                left = None if left is None else left - len(part)
                yield part

    @override
    @asynccontextmanager
    async def on_disk(self, sha256: str) -> AsyncIterator[Path]:
        path = self._path(sha256)
        if not path.is_file():
            raise FileNotFoundError(sha256)
        with self._unchanged(path):
            yield path

    @contextmanager
    def _unchanged(self, path: Path) -> Iterator[None]:
        """Meanwhile the file keeps its time: the browser reads no file that has changed since the page got it."""
        with self._lock:
            self._readers[path] += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers[path] -= 1
                if not self._readers[path]:
                    del self._readers[path]
                    if path in self._stored_again:
                        self._stored_again.remove(path)
                        with suppress(FileNotFoundError):  # deleted meanwhile
                            os.utime(path)

    @override
    async def delete(self, sha256: str) -> None:
        await self._run(partial(self._path(sha256).unlink, missing_ok=True))

    @override
    async def all(self) -> AsyncIterator[StoredMedia]:
        for folder in await self._run(lambda: sorted(path for path in self._folder.glob("??") if path.is_dir())):
            for found in await self._run(_contents, folder):
                yield found

    async def _run(self, call: Callable[..., _T], *args: object) -> _T:
        with explained(self._folder):
            return await asyncio.to_thread(call, *args)

    def _incoming(self) -> Path:
        return self._folder / f"{INCOMING}{uuid4().hex}"

    def _path(self, sha256: str) -> Path:
        return self._folder / check_sha256(sha256)[:2] / sha256

    def _adopt(self, path: Path) -> StoredMedia:
        digest = digest_of(path)
        incoming = self._incoming()
        try:
            shutil.move(path, incoming)  # copied where it lies on another file system
            incoming.chmod(0o600)
            return self._keep(incoming, digest)
        finally:
            incoming.unlink(missing_ok=True)

    def _keep(self, incoming: Path, sha256: str) -> StoredMedia:
        path = self._path(sha256)
        if new := _describe(path) is None:
            _sync(incoming)
            path.parent.mkdir(mode=0o700, exist_ok=True)
        with self._lock:
            if _describe(path) is None:
                incoming.replace(path)
            elif path in self._readers:
                self._stored_again.add(path)
            else:
                os.utime(path)  # stored again now
        if new:
            _sync(path.parent)
        found = path.stat()
        return StoredMedia(sha256, found.st_size, found.st_mtime)


def is_sha256(name: str) -> bool:
    """Whether a name is one of a stored file."""
    return _SHA256.fullmatch(name) is not None


def check_sha256(sha256: str) -> str:
    """The same, if it is a SHA-256: as a path, another text could leave the folder. Raises `ValueError`."""
    if not is_sha256(sha256):
        raise ValueError(f"not a SHA-256: {sha256[:80]!r}")
    return sha256


def digest_of(path: Path) -> str:
    """The SHA-256 of a file. Blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@asynccontextmanager
async def spooled(path: Path, parts: AsyncIterable[bytes], limit: int | None) -> AsyncIterator[tuple[Path, str]]:
    """Write a new file at `path`, and its SHA-256. It goes with the context, unless it was moved.

    Raises `TooLarge` above `limit` bytes, and `MediaUnusable`.
    """
    digest, size = hashlib.sha256(), 0
    with explained(path.parent):
        file = await asyncio.to_thread(_create, path)
    try:
        async for part in parts:
            size += len(part)
            if limit is not None and size > limit:
                raise TooLarge(f"The file has more than {limit:,} bytes.")
            with explained(path.parent):
                await asyncio.to_thread(_append, file, part, digest)
        with explained(path.parent):
            await asyncio.to_thread(file.close)
        yield path, digest.hexdigest()
    finally:
        with suppress(OSError):  # what is left in its buffer finds no room either
            file.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _create(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _append(file: IO[bytes], part: bytes, digest: hashlib._Hash) -> None:
    digest.update(part)
    file.write(part)


def _describe(path: Path) -> StoredMedia | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return StoredMedia(path.name, found.st_size, found.st_mtime)


def _contents(folder: Path) -> list[StoredMedia]:
    """The stored files in a folder; what a person or a program left there is none of them."""
    paths = (path for path in folder.iterdir() if is_sha256(path.name) and path.is_file())
    return [found for path in paths if (found := _describe(path)) is not None]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Raises `MediaUnusable` for what the system refuses in a folder."""
    try:
        yield
    except OSError as error:
        raise MediaUnusable(f"Media cannot be stored in {folder}: {error.strerror or error}.") from error
