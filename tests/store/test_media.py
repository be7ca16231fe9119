"""Every media store under one suite: a store joins by one line in `STORES`."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from bridge.contract.errors import TooLarge
from bridge.contract.s3_location import S3Location
from bridge.ports import MediaStore, MediaUnusable
from bridge.store.media_files import MediaFiles
from bridge.store.media_s3 import S3Media
from tests.full_disk import files_of
from tests.s3_server import new_bucket, s3_server

LIMIT = 80 << 20


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3-compatible server."""
    with s3_server() as endpoint:
        yield endpoint


def s3_media(folder: Path, endpoint: str) -> MediaStore:
    return S3Media(S3Location.parse(new_bucket(endpoint)), folder, key="id:secret")


def files(folder: Path, endpoint: str) -> MediaStore:
    return MediaFiles(folder)


STORES: dict[str, Callable[[Path, str], MediaStore]] = {"files": files, "s3": s3_media}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path, s3: str) -> MediaStore:
    return STORES[request.param](tmp_path / "media", s3)


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


async def test_a_file_that_is_being_read_is_not_changed_by_the_same_bytes(store: MediaStore) -> None:
    """The page refuses a file that has another time than when it was put there: the send of the first would fail."""
    sha256 = (await store.add(parts_of(b"once"), LIMIT)).sha256
    async with store.on_disk(sha256) as path:
        os.utime(path, (1000, 1000))
        before = path.stat()
        async with store.on_disk(sha256):
            await store.add(parts_of(b"once"), LIMIT)
        after = path.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    found = await store.find(sha256)
    assert found is not None
    assert found.stored_at > time.time() - 60


async def test_the_same_bytes_at_the_same_time_are_one_file(tmp_path: Path) -> None:
    store = MediaFiles(tmp_path)
    reading = asyncio.Event()

    async def late() -> AsyncIterator[bytes]:
        yield b"once"
        await reading.wait()

    second = asyncio.create_task(store.add(late(), LIMIT))
    async with store.on_disk((await store.add(parts_of(b"once"), LIMIT)).sha256) as path:
        before = path.stat()
        reading.set()
        await second
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


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


async def test_foreign_objects_in_a_bucket_are_none_of_its_files(tmp_path: Path, s3: str) -> None:
    location = S3Location.parse(new_bucket(s3))
    store = S3Media(location, tmp_path / "media", key="id:secret")
    sha256 = (await store.add(parts_of(b"ours"), LIMIT)).sha256
    for name in ("notes.txt", "ab/readme", f"copies/{sha256}"):
        address = f"{s3}/{location.bucket}/{location.prefix}/{name}"
        await asyncio.to_thread(lambda url: urlopen(Request(url, b"foreign", method="PUT")).close(), address)
    assert [one.sha256 async for one in store.all()] == [sha256]


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


@pytest.mark.parametrize("part", [1_000, 100_000], ids=["in its buffer", "in a write"])
async def test_a_full_disk_has_a_sentence_and_leaves_nothing(tmp_path: Path, part: int) -> None:
    store = MediaFiles(tmp_path / "media")
    with files_of(300_000), pytest.raises(MediaUnusable, match="media: File too large"):
        await store.add(parts_of(sample(400_000), part), LIMIT)
    assert not list((tmp_path / "media").iterdir())


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


async def test_s3_leaves_nothing_on_this_machine(tmp_path: Path, s3: str) -> None:
    store = s3_media(tmp_path / "media", s3)
    sha256 = (await store.add(parts_of(b"photo"), LIMIT)).sha256
    async with store.on_disk(sha256) as path:
        assert path.read_bytes() == b"photo"
    with pytest.raises(TooLarge):
        await store.add(parts_of(b"photo"), 4)
    assert list((tmp_path / "media").iterdir()) == []


async def test_s3_that_does_not_answer_has_a_sentence(tmp_path: Path) -> None:
    location = S3Location.parse("s3://bucket/media?endpoint=http://127.0.0.1:9")
    store = S3Media(location, tmp_path, key="id:secret", retries=0)
    with pytest.raises(MediaUnusable, match="Media cannot be kept in s3://bucket/media: "):
        await store.add(parts_of(b"photo"), LIMIT)
    with pytest.raises(MediaUnusable):
        await store.find("0" * 64)


async def test_a_bucket_that_is_not_there_has_a_sentence(tmp_path: Path, s3: str) -> None:
    location = S3Location.parse(f"s3://missing?endpoint={s3}")
    store = S3Media(location, tmp_path, key="id:secret", retries=0)
    with pytest.raises(MediaUnusable, match="there is no such bucket"):
        await store.add(parts_of(b"photo"), LIMIT)


@pytest.mark.parametrize("text", ["", "s3://", "https://bucket/x", "s3:///x", "bucket", "s3://b?key=x"])
def test_a_location_is_an_s3_url(text: str) -> None:
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        S3Location.parse(text)
