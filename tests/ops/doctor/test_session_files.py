"""Profile and store of a session: free, in use, leftover, damaged."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.contract.findings import Finding
from bridge.drivers.web.login_files import ProfileFiles
from bridge.ops.doctor import session_files
from bridge.store import keep_aside, open_store
from bridge.store.inspection import glance, holders, of_inode

LOGIN = ProfileFiles()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    session_dir = tmp_path / "sessions" / "haby"
    (session_dir / "profile").mkdir(parents=True, mode=0o700)
    return session_dir


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


async def create_store(folder: Path) -> Path:
    async with open_store(folder / "store.db", now=lambda: 1000.0) as store:
        await store.memory.set("account_pn", "5491155500000@c.us")
    return folder / "store.db"


def store_findings(folder: Path) -> list[Finding]:
    return list(session_files.store("haby", folder))


def test_a_free_profile_is_reported_and_the_check_takes_no_lock(folder: Path) -> None:
    lock = folder / "profile" / "bridge.lock"
    with lock.open("w") as file:
        assert session_files.login("haby", folder, LOGIN).what == "Not in use."
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_process_that_holds_the_profile_is_named(folder: Path, holder: subprocess.Popen[bytes]) -> None:
    finding = session_files.login("haby", folder, LOGIN)
    assert finding.level == "ok"
    assert f"pid {holder.pid}" in finding.what


def test_a_process_that_waits_for_a_lock_is_not_its_holder() -> None:
    locks = "1: FLOCK  ADVISORY  WRITE 10 fe:00:77 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 11 fe:00:77 0 EOF\n"
    assert of_inode(locks, 77) == [10]
    assert of_inode(locks, 78) == []


async def test_an_open_store_is_held_by_its_process(folder: Path) -> None:
    path = folder / "store.db"
    async with open_store(path, now=lambda: 1000.0):
        assert holders(path) == [os.getpid()]
    assert holders(path) == []


async def test_an_intact_store_in_use_by_a_bridge(folder: Path) -> None:
    await create_store(folder)
    async with open_store(folder / "store.db", now=lambda: 1000.0):
        [finding] = store_findings(folder)
        assert glance(folder / "store.db").account == "5491155500000@c.us"
    assert finding.level == "ok"
    assert "Intact: 0 messages" in finding.what


async def test_a_damaged_store_is_a_fault_with_both_remedies(folder: Path) -> None:
    path = await create_store(folder)
    path.write_bytes(b"not a database at all" * 100)
    [finding] = store_findings(folder)
    assert finding.level == "fault"
    assert "wa restore" in str(finding.advice)
    assert "wa store reset --session haby" in str(finding.advice)


async def test_a_damaged_store_without_a_new_one_is_a_fault(folder: Path) -> None:
    kept = keep_aside(await create_store(folder))
    [finding] = store_findings(folder)
    assert finding.level == "fault"
    assert kept.name in finding.what


async def test_a_damaged_store_beside_an_intact_one_is_a_warning(folder: Path) -> None:
    path = await create_store(folder)
    path.with_name("store.db.corrupt-20260131T120000Z").write_bytes(b"damaged")
    warning, intact = store_findings(folder)
    assert (warning.level, intact.level) == ("warning", "ok")
    assert "--kept-only" in str(warning.advice)


def test_missing_files_are_ok(tmp_path: Path) -> None:
    assert session_files.login("haby", tmp_path / "new", LOGIN).level == "ok"
    assert [finding.level for finding in store_findings(tmp_path / "new")] == ["ok"]
