"""What deletes files at intervals: nothing while a store is damaged, nothing that is foreign, and it never ends."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from bridge.app import BridgeLimits
from bridge.app.clock import SystemClock
from bridge.app.media import keep_retention
from bridge.core.media_links import MediaLinks
from bridge.core.media_policy import MediaPolicy
from bridge.core.shared_media import SharedMedia
from bridge.ports import StoredMedia, StoreUnusable
from bridge.settings import load
from bridge.store import keep_aside, open_store
from bridge.store.media_files import MediaFiles
from bridge.store.media_references import references

OLD = time.time() - 2 * 86400


class Watched(MediaFiles):
    """Files on the disk; each look at all of them is announced, and the first one ends as `fault` says."""

    fault: Exception | None = None

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.looks: asyncio.Queue[None] = asyncio.Queue()

    @override
    async def all(self) -> AsyncIterator[StoredMedia]:
        self.looks.put_nowait(None)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        async for found in super().all():
            yield found

    async def looked(self, times: int) -> None:
        for _ in range(times):
            await asyncio.wait_for(self.looks.get(), 20)


async def one(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.fixture
def files(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "media")


@asynccontextmanager
async def retention(tmp_path: Path, files: Watched) -> AsyncIterator[None]:
    """The deletion of files at short intervals; it still runs at the end."""
    settings = load(data_dir=tmp_path, sessions="haby=51")
    shared = SharedMedia(files, MediaPolicy(), MediaLinks(None, b"secret"))
    limits = BridgeLimits(media_retention=0.01)
    task = asyncio.create_task(keep_retention(settings, [], shared, SystemClock(), limits), name="retention")
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def old_file(files: MediaFiles, folder: Path, content: bytes) -> Path:
    stored = await files.add(one(content), 1000)
    path = folder / stored.sha256[:2] / stored.sha256
    os.utime(path, (OLD, OLD))
    return path


async def test_files_stay_while_a_store_is_kept_aside_as_damaged(tmp_path: Path, files: Watched) -> None:
    kept = await old_file(files, tmp_path / "media", b"of the damaged session")
    store = tmp_path / "sessions" / "haby" / "store.db"
    async with open_store(store, now=time.time):
        pass
    aside = keep_aside(store)
    with pytest.raises(StoreUnusable, match=r"store\.db\.corrupt-.* is damaged"):
        references(tmp_path / "sessions")
    async with retention(tmp_path, files):
        await files.looked(3)
    assert kept.exists()
    aside.rename(store)  # a restored store counts again; it does not have the file
    async with retention(tmp_path, files):
        await files.looked(3)
    assert not kept.exists()


async def test_foreign_files_end_nothing_and_stay(tmp_path: Path, files: Watched) -> None:
    folder = tmp_path / "media"
    gone = await old_file(files, folder, b"nothing refers to it")
    foreign = [folder / "ab", folder / "zz" / ".DS_Store", gone.parent / "thumbs.db"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"foreign")
        os.utime(path, (OLD, OLD))
    async with retention(tmp_path, files):
        await files.looked(3)
    assert (gone.exists(), [path.exists() for path in foreign]) == (False, [True] * 3)


async def test_an_upload_that_does_not_go_on_is_removed_after_a_day(tmp_path: Path, files: Watched) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    left, waits = folder / ("0" * 64), folder / ("1" * 64)
    for path in (left, waits):
        path.write_bytes(b"half a file")
    os.utime(left, (OLD, OLD))
    async with retention(tmp_path, files):
        await files.looked(2)
    assert (left.exists(), waits.exists()) == (False, True)


async def test_an_internal_error_is_logged_and_the_next_look_deletes(
    tmp_path: Path, files: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    gone = await old_file(files, tmp_path / "media", b"nothing refers to it")
    files.fault = ValueError("what is no SHA-256")
    with caplog.at_level(logging.ERROR):
        async with retention(tmp_path, files):
            await files.looked(4)
    assert not gone.exists()
    assert "Files of messages were not deleted" in caplog.text
