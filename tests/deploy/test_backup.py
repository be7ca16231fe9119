"""deploy/backup on real stores, and the log rotation of deploy/logrotate."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from bridge.ports import Webhook, WebhookFilter
from bridge.store import BridgeStore, open_store
from tests.parts import require_binary

ROOT = Path(__file__).parents[2]


def backup(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "deploy/backup", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(root), "WA_ROOT": str(root), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def restore(root: Path, file: Path, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "opt/wa/current/bin/wa", "restore", "--yes", file],
        env={"PATH": os.environ["PATH"], "WA_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


@pytest.fixture
async def root(tmp_path: Path) -> Path:
    """An installation: two sessions, one of them never started, webhooks, conversations, settings."""
    programs = tmp_path / "opt/wa/current/bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "wa").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m bridge.cli "$@"\n')
    (programs / "wa").chmod(0o755)
    data = tmp_path / "var/lib/wa-bridge"
    async with open_store(data / "sessions/haby/store.db", now=time.time):
        pass
    for path in (data / "bridge.db", tmp_path / "var/lib/wa-responder/responder.db"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE kept (word TEXT)")
            database.execute("INSERT INTO kept VALUES (?)", (path.name,))
        database.close()
    (tmp_path / "etc/wa").mkdir(parents=True)
    (tmp_path / "etc/wa/wa.env").write_text("WA_SESSIONS=haby=51,ventas=7\n")
    return tmp_path


async def test_a_backup_contains_everything_in_one_private_folder(root: Path) -> None:
    done = backup(root, "--to", str(root / "backups"), WA_SESSIONS="haby=51, ventas=7")
    assert done.returncode == 0, done.stderr
    (folder,) = [folder for folder in (root / "backups").iterdir() if not folder.name.startswith(".")]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (session,) = (folder / "bridge/sessions").iterdir()
    assert session.name.startswith("haby-")
    for path in (folder / "bridge/bridge.db", folder / "responder/responder.db"):
        with sqlite3.connect(path) as database:
            assert database.execute("SELECT word FROM kept").fetchall() == [(path.name,)]
        database.close()
    with tarfile.open(folder / "settings.tar") as archive:
        assert "etc/wa/wa.env" in archive.getnames()


async def test_a_session_is_restored_with_its_webhooks(root: Path) -> None:
    data = root / "var/lib/wa-bridge"
    (data / "bridge.db").unlink()
    async with BridgeStore(data / "bridge.db", now=time.time) as store:
        await store.webhooks.put(Webhook("crm", "haby", "http://127.0.0.1:9/", 1.0, WebhookFilter()))
    assert backup(root, "--to", str(root / "backups")).returncode == 0
    shutil.rmtree(data)
    (file,) = (root / "backups").glob("*/bridge/sessions/haby-*.tar.gz")
    done = restore(root, file, data)
    assert done.returncode == 0, done.stderr
    async with BridgeStore(data / "bridge.db", now=time.time) as store:
        assert [webhook.id for webhook in await store.webhooks.webhooks()] == ["crm"]
    async with open_store(data / "sessions/haby/store.db", now=time.time):
        pass


async def test_old_backups_are_deleted_and_other_folders_stay(root: Path) -> None:
    backups = root / "backups"
    for name in ("20250101T000000Z", "20250102T000000Z", "20250103T000000Z", "by-hand"):
        (backups / name).mkdir(parents=True)
    assert backup(root, "--to", str(backups), "--keep", "2").returncode == 0
    names = sorted(folder.name for folder in backups.iterdir())
    assert names[0] == "20250103T000000Z"
    assert names[2:] == ["by-hand"]
    assert len(names) == 3


async def test_a_failure_is_named_and_deletes_no_older_backup(root: Path) -> None:
    backups = root / "backups"
    (backups / "20250101T000000Z").mkdir(parents=True)
    (root / "var/lib/wa-bridge/bridge.db").write_bytes(b"no database" * 100)
    failed = backup(root, "--to", str(backups), "--keep", "1")
    assert failed.returncode == 1
    assert "failed: haby bridge.db" in failed.stderr  # the copy in haby's archive, and the file itself
    assert [file.name for file in backups.glob("*/bridge/sessions/haby-*.tar.gz")] != []
    assert (backups / "20250101T000000Z").exists()


async def test_a_second_backup_at_the_same_time_is_refused(root: Path) -> None:
    backups = root / "backups"
    backups.mkdir()
    held = os.open(backups, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = backup(root, "--to", str(backups))
        assert (refused.returncode, "another backup is running" in refused.stderr) == (1, True)
    finally:
        os.close(held)
    assert backup(root, "--to", str(backups)).returncode == 0
    assert [path.name for path in backups.iterdir() if path.name.startswith(".")] == []


def test_a_log_is_rotated_in_place(tmp_path: Path) -> None:
    logrotate = require_binary("logrotate", "logrotate")
    shipped = (ROOT / "deploy/logrotate/wa").read_text()
    assert "/var/log/wa/*.log" in shipped
    logs = tmp_path / "log"
    logs.mkdir(mode=0o700)
    (tmp_path / "wa").write_text(shipped.replace("/var/log/wa", str(logs)))
    (tmp_path / "wa").chmod(0o644)
    (logs / "bridge.log").write_text("a line\n" * 100)
    command = [logrotate, "--force", "--state", str(tmp_path / "state"), str(tmp_path / "wa")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (logs / "bridge.log").stat().st_size == 0  # the same file, which pm2 has open
    (rotated,) = logs.glob("bridge.log-*")
    assert rotated.read_text() == "a line\n" * 100
