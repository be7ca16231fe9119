"""Every media store under one suite: a store joins by one line in `STORES`."""

from __future__ import annotations

import asyncio
import hashlib
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridge.contract.errors import TooLarge
from bridge.ports import MediaStore, MediaUnusable
from bridge.store.media_files import MediaFiles

LIMIT = 80 << 20
STORES: dict[str, Callable[[Path], MediaStore]] = {"files": MediaFiles}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    return STORES[request.param](tmp_path / "media")


def sample(size: int) -> bytes:
    return random.Random(size).randbytes(size)


async def parts_of(content: bytes, part: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), part):
        yield content[start : start + part]


async def content_of(store: MediaStore, sha256: str, *span: int) -> bytes:
    return b"".join([part async for part in store.read(sha256, *span)])


@pytest.mark.parametrize("size", [0, 1, 1 << 10, 1 << 20, (1 << 20) + 1, 64 << 20])
async def test_what_is_stored_is_read_back(store: MediaStore, size: int) -> None:
    content = sample(size)
    stored = await store.add(parts_of(content, 1 << 20), LIMIT)
    assert (stored.sha256, stored.size) == (hashlib.sha256(content).hexdigest(), size)
    assert await content_of(store, stored.sha256) == content
    assert await store.find(stored.sha256) == stored
    async with store.on_disk(stored.sha256) as path:
        assert path.read_bytes() == content


async def test_a_span_is_read(store: MediaStore) -> None:
    content = sample(3 << 20)
    sha256 = (await store.add(parts_of(content), LIMIT)).sha256
    for start, end in [(0, 1), (5, 2 << 20), (1 << 20, 3 << 20), ((3 << 20) - 1, 3 << 20)]:
        assert await content_of(store, sha256, start, end) == content[start:end]
    assert await content_of(store, sha256, 7) == content[7:]


async def test_a_file_of_this_machine_is_moved_in(store: MediaStore, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo")
    stored = await store.adopt(path)
    assert not path.exists()
    assert await content_of(store, stored.sha256) == b"photo"


async def test_the_same_bytes_are_stored_once(store: MediaStore) -> None:
    first, second = [await store.add(parts_of(b"once"), LIMIT) for _ in range(2)]
    assert first.sha256 == second.sha256
    assert [one.sha256 async for one in store.all()] == [first.sha256]


async def test_too_large_leaves_nothing(store: MediaStore) -> None:
    with pytest.raises(TooLarge):
        await store.add(parts_of(sample(1000), 100), 999)
    assert [one async for one in store.all()] == []


async def test_a_source_that_breaks_leaves_nothing(store: MediaStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.add(broken(), LIMIT)
    assert [one async for one in store.all()] == []


async def test_deleted_is_gone(store: MediaStore) -> None:
    sha256 = (await store.add(parts_of(b"gone"), LIMIT)).sha256
    await store.delete(sha256)
    await store.delete(sha256)
    assert await store.find(sha256) is None
    with pytest.raises(FileNotFoundError):
        await content_of(store, sha256)
    with pytest.raises(FileNotFoundError):
        async with store.on_disk(sha256):
            pass


@pytest.mark.parametrize("name", ["", "..", "../" * 20, "A" * 64, "0" * 63, "0" * 62 + "/."])
async def test_no_name_leaves_the_folder(store: MediaStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        await store.find(name)


def test_files_are_private(tmp_path: Path) -> None:
    MediaFiles(tmp_path / "media")
    assert (tmp_path / "media").stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_cannot_be_written_has_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / hashlib.sha256(b"x").hexdigest()[:2]).write_text("a file where a folder should be")
    with pytest.raises(MediaUnusable, match="media: Not a directory"):
        await MediaFiles(tmp_path / "media").add(parts_of(b"x"), LIMIT)


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from bridge.store.media_files import MediaFiles
async def parts():
    for number in range(40):
        yield bytes([number]) * 50_000
        if number == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(MediaFiles(Path(sys.argv[1])).add(parts(), 1 << 30))
"""


@pytest.mark.parametrize("at", [0, 20, 39])
async def test_a_killed_writer_leaves_no_half_file(tmp_path: Path, at: int) -> None:
    folder = tmp_path / "media"
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", _KILLED, str(folder), str(at))
    assert await writer.wait() == -signal.SIGKILL
    assert list(folder.iterdir())
    store = MediaFiles(folder)
    assert [one async for one in store.all()] == []
    assert not list(folder.iterdir())
