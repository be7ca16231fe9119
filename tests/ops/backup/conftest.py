"""A session on disk: a store with messages and commands, and a closed browser profile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.contract.lifecycle import SendState
from bridge.drivers import driver_kind
from bridge.ops.backup import BackupResult, create_backup
from bridge.ports import NewNotice
from bridge.store import SessionStore, open_store
from tests.store.samples import claim, record, step

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
NOTICE = NewNotice("result", "{}")
LOGIN = driver_kind("web").login


def clock() -> float:
    return NOW.timestamp()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The session's folder, not created yet."""
    return tmp_path / "data" / "sessions" / "haby"


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SessionStore]:
    async with open_store(folder / "store.db", now=clock) as store:
        yield store


async def fill(folder: Path, *, messages: int = 3) -> str:
    """Create messages, a sent command, an open one, a profile; returns the epoch."""
    async with opened(folder) as store:
        await store.journal.append([record(f"3EB0{number}", content=str(number)) for number in range(messages)])
        done = await store.outbox.claim(claim("done"), NOTICE)
        await store.outbox.change(done.row.number, step(SendState.SENDING, message_id="true_5491155500001@c.us_3EB0X"))
        await store.outbox.change(done.row.number, step(SendState.SENT))
        await store.outbox.claim(claim("open"), NOTICE)
        epoch = store.epoch
    storage = folder / "profile" / "Default" / "Local Storage"
    (storage / "leveldb").mkdir(parents=True)
    (storage / "leveldb" / "000003.log").write_bytes(b"the login")
    (folder / "profile" / "Default" / "Cache").mkdir()
    (folder / "profile" / "Default" / "Cache" / "data_0").write_bytes(b"x" * 100_000)
    (folder / "profile" / "SingletonLock").symlink_to("host-1")
    return epoch


@asynccontextmanager
async def no_pause() -> AsyncIterator[None]:
    """For a session that no bridge runs: must not be called."""
    raise AssertionError("no process uses the profile")
    yield


async def back_up(
    folder: Path, target: Path, *, with_profile: bool = True, shared: Sequence[Path] = ()
) -> BackupResult:
    """Back up a session that no bridge runs."""
    return await create_backup(
        folder,
        "haby",
        target,
        bridge="1.0",
        now=NOW,
        pause=no_pause,
        login=LOGIN if with_profile else None,
        shared=shared,
    )
