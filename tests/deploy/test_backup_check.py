"""`wa restore --check` on backups of deploy/backup: a good one passes, each kind of damage is named."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.contract.messages import Stream
from bridge.ops.backup import BadBackup, check_folder, newest_backup
from bridge.ports import Webhook, WebhookFilter
from bridge.store import BridgeStore
from tests.deploy.test_backup import ROOT, backup
from tests.deploy.test_backup import root as root  # noqa: PLC0414 - a fixture
from tests.ops.backup.conftest import clock, fill


@pytest.fixture
async def folder(root: Path) -> Path:
    """A backup with messages, login, a webhook, conversations and settings."""
    data = root / "var/lib/wa-bridge"
    shutil.rmtree(data)
    await fill(data / "sessions/haby")
    async with BridgeStore(data / "bridge.db", now=clock) as store:
        await store.webhooks.put(Webhook("crm", "haby", "http://127.0.0.1:9/", 1.0, WebhookFilter()))
    done = backup(root, "--to", str(root / "backups"))
    assert done.returncode == 0, done.stderr
    return newest_backup(root / "backups")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def checked(folder: Path, *, later: timedelta = timedelta(0)) -> list[str]:
    scratch = folder.parent / "scratch"
    scratch.mkdir()
    before = contents(folder)
    found = await check_folder(folder, now=datetime.now(UTC) + later, max_age=timedelta(days=2), scratch=scratch)
    assert list(scratch.iterdir()) == [], "the scratch folder is emptied"
    assert contents(folder) == before
    return found.faults


def session(folder: Path) -> Path:
    (archive,) = (folder / "bridge/sessions").glob("haby-*.tar.gz")
    return archive


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def rewrite_sums(folder: Path) -> None:
    """Write the checksums again, as if the backup had been made with the present content."""
    command = (
        "find . -type f ! -name SHA256SUMS -exec sha256sum {} + >.sums; mv .sums SHA256SUMS; sed -i /.sums/d SHA256SUMS"
    )
    subprocess.run(["sh", "-c", command], cwd=folder, check=True)


DAMAGE: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "cut": (lambda folder: cut(session(folder)), ["haby-.* differs from its checksum", "haby-.*(incomplete|damaged)"]),
    "flipped": (lambda folder: flip(session(folder)), ["haby-.* differs from its checksum"]),
    "no session": (lambda folder: session(folder).unlink(), ["bridge/sessions/haby-.*gz is missing"]),
    "cut database": (
        lambda folder: cut(folder / "bridge/bridge.db"),
        ["bridge/bridge.db differs from", "bridge.db: .*damaged"],
    ),
    "emptied": (
        lambda folder: os.truncate(folder / "responder/responder.db", 0),
        ["responder/responder.db differs from"],
    ),
    "no settings": (lambda folder: (folder / "settings.tar").unlink(), ["settings.tar is missing"]),
    "settings": (lambda folder: flip(folder / "settings.tar"), ["settings.tar differs from its checksum"]),
    "no sums": (lambda folder: (folder / "SHA256SUMS").unlink(), ["SHA256SUMS is missing"]),
    "damaged sums": (lambda folder: (folder / "SHA256SUMS").write_bytes(b"\xff\xfe\n"), ["SHA256SUMS is damaged"]),
    "foreign": (lambda folder: (folder / "bridge/more").touch(), ["bridge/more was not written by the backup"]),
}


async def test_each_damage_is_named_and_a_good_backup_has_no_fault(folder: Path) -> None:
    assert await checked(folder) == []
    for kind, (damage, says) in DAMAGE.items():
        copy = folder.parent / kind / folder.name
        shutil.copytree(folder, copy)
        damage(copy)
        faults = "\n".join(await checked(copy))
        for words in says:
            assert re.search(words, faults), (kind, faults)


async def test_a_complete_backup_of_faulty_data_is_reported_too(root: Path, folder: Path) -> None:
    """The checksums are right: the data was faulty when it was saved."""
    data, archive = root / "var/lib/wa-bridge", session(folder)
    archive.unlink()
    shutil.rmtree(data / "sessions/haby/profile")
    with closing(sqlite3.connect(data / "sessions/haby/store.db")) as store:
        assert store.execute("DELETE FROM journal WHERE stream = ? AND seq = 2", (Stream.IN,)).rowcount == 1
        store.commit()
    again = backup(root, "--to", str(root / "again"))
    assert again.returncode == 0, again.stderr
    faults = await checked(newest_backup(root / "again"))
    assert [fault.partition(": ")[2] for fault in faults] == [
        "the session would have to be paired again",
        "its journal has no in 2",
    ]
    with tarfile.open(folder / "settings.tar", "w"):
        pass
    rewrite_sums(folder)
    faults = ["it is 3 days old: no newer backup exists", "settings.tar contains no etc/wa/wa.env"]
    assert await checked(folder, later=timedelta(days=3)) == faults


def test_a_folder_without_a_backup(tmp_path: Path) -> None:
    (tmp_path / "by-hand").mkdir()
    with pytest.raises(BadBackup, match="No backup found in"):
        newest_backup(tmp_path)


def test_the_command_reports_in_one_line_and_fails(root: Path, folder: Path) -> None:
    def check(target: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bridge.cli", "restore", "--check", str(target)]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, check=False, timeout=50)

    good = check(folder.parent)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == f"{folder} can be restored: haby, 3 journalled items, 1 webhooks, 0 keys.\n"
    flip(session(folder))
    bad = check(folder.parent)
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (1, "", 1)
    assert "differs from its checksum" in bad.stderr
    cut(session(folder))  # a flipped bit may be one that gzip does not use
    assert check(session(folder)).returncode == 1
