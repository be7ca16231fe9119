"""Profile and store of a session: free, in use, left over, damaged."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.ops.doctor import session_files
from bridge.ops.doctor.findings import Finding
from bridge.store import keep_aside, open_store
from bridge.store.inspection import glance, holders, of_inode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "sessions" / "haby"
    (place / "profile").mkdir(parents=True, mode=0o700)
    return place


@pytest.fixture
def holder(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the profile's lock."""
    script = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(folder / "profile" / "bridge.lock")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.communicate(timeout=10)


async def made(folder: Path) -> Path:
    async with open_store(folder / "store.db", now=lambda: 1000.0) as store:
        await store.memory.set("account_pn", "5491155500000@c.us")
    return folder / "store.db"


def looked(folder: Path) -> list[Finding]:
    return list(session_files.store("haby", folder))


def test_a_free_profile_is_free_and_looking_takes_no_lock(folder: Path) -> None:
    lock = folder / "profile" / "bridge.lock"
    with lock.open("w") as file:
        assert session_files.profile("haby", folder).what == "Free."
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_whoever_holds_the_profile_is_named(folder: Path, holder: subprocess.Popen[bytes]) -> None:
    finding = session_files.profile("haby", folder)
    assert finding.level == "ok"
    assert f"pid {holder.pid}" in finding.what


def test_one_who_only_waits_for_a_lock_does_not_hold_it() -> None:
    locks = "1: FLOCK  ADVISORY  WRITE 10 fe:00:77 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 11 fe:00:77 0 EOF\n"
    assert of_inode(locks, 77) == [10]
    assert of_inode(locks, 78) == []


async def test_a_store_that_is_open_is_held_by_its_process(folder: Path) -> None:
    path = folder / "store.db"
    async with open_store(path, now=lambda: 1000.0):
        assert holders(path) == [os.getpid()]
    assert holders(path) == []


async def test_a_sound_store_beside_the_bridge_that_uses_it(folder: Path) -> None:
    await made(folder)
    async with open_store(folder / "store.db", now=lambda: 1000.0):
        [finding] = looked(folder)
        assert glance(folder / "store.db").account == "5491155500000@c.us"
    assert finding.level == "ok"
    assert "Sound: 0 messages" in finding.what


async def test_a_damaged_store_is_a_fault_with_both_ways_out(folder: Path) -> None:
    path = await made(folder)
    path.write_bytes(b"not a database at all" * 100)
    [finding] = looked(folder)
    assert finding.level == "fault"
    assert "wa restore" in str(finding.advice)
    assert "wa store reset --session haby" in str(finding.advice)


async def test_a_store_kept_aside_with_none_in_its_place_is_a_fault(folder: Path) -> None:
    kept = keep_aside(await made(folder))
    [finding] = looked(folder)
    assert finding.level == "fault"
    assert kept.name in finding.what


async def test_a_store_kept_aside_beside_a_sound_one_is_only_a_reminder(folder: Path) -> None:
    path = await made(folder)
    path.with_name("store.db.corrupt-20260131T120000Z").write_bytes(b"damaged")
    reminder, sound = looked(folder)
    assert (reminder.level, sound.level) == ("warning", "ok")
    assert "--kept-only" in str(reminder.advice)


def test_nothing_there_yet_is_well(tmp_path: Path) -> None:
    assert session_files.profile("haby", tmp_path / "new").level == "ok"
    assert [finding.level for finding in looked(tmp_path / "new")] == ["ok"]
