"""`wa restore --check` on what deploy/backup has written: a good one passes, each kind of damage has its name."""

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
from bridge.ops.backup import BadBackup, check_folder, newest
from bridge.ports import Webhook, WebhookFilter
from bridge.store import BridgeStore
from tests.deploy.test_backup import ROOT, backup
from tests.deploy.test_backup import root as root  # noqa: PLC0414 - a fixture
from tests.ops.backup.conftest import clock, fill


@pytest.fixture
async def place(root: Path) -> Path:
    """A backup of two sessions' worth: messages, login, a listener, conversations, settings."""
    data = root / "var/lib/wa-bridge"
    shutil.rmtree(data)
    await fill(data / "sessions/haby")
    async with BridgeStore(data / "bridge.db", now=clock) as store:
        await store.webhooks.put(Webhook("crm", "haby", "http://127.0.0.1:9/", 1.0, WebhookFilter()))
    done = backup(root, "--to", str(root / "backups"))
    assert done.returncode == 0, done.stderr
    return newest(root / "backups")


def contents(place: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


async def checked(place: Path, *, later: timedelta = timedelta(0)) -> list[str]:
    scratch = place.parent / "scratch"
    scratch.mkdir()
    before = contents(place)
    found = await check_folder(place, now=datetime.now(UTC) + later, max_age=timedelta(days=2), scratch=scratch)
    assert list(scratch.iterdir()) == [], "the scratch folder is emptied"
    assert contents(place) == before
    return found.faults


def session(place: Path) -> Path:
    (archive,) = (place / "bridge/sessions").glob("haby-*.tar.gz")
    return archive


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def sum_again(place: Path) -> None:
    """What whoever made the backup would have written, had it been like this from the beginning."""
    command = (
        "find . -type f ! -name SHA256SUMS -exec sha256sum {} + >.sums; mv .sums SHA256SUMS; sed -i /.sums/d SHA256SUMS"
    )
    subprocess.run(["sh", "-c", command], cwd=place, check=True)


DAMAGE: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "cut": (lambda place: cut(session(place)), ["haby-.* is not as it was written", "haby-.*(is not whole|damaged)"]),
    "flipped": (lambda place: flip(session(place)), ["haby-.* is not as it was written"]),
    "no session": (lambda place: session(place).unlink(), ["bridge/sessions/haby-.*gz is missing"]),
    "cut database": (
        lambda place: cut(place / "bridge/bridge.db"),
        ["bridge/bridge.db is not as", "bridge.db: .*damaged"],
    ),
    "emptied": (lambda place: os.truncate(place / "responder/responder.db", 0), ["responder/responder.db is not as"]),
    "no settings": (lambda place: (place / "settings.tar").unlink(), ["settings.tar is missing"]),
    "settings": (lambda place: flip(place / "settings.tar"), ["settings.tar is not as it was written"]),
    "no sums": (lambda place: (place / "SHA256SUMS").unlink(), ["SHA256SUMS is missing"]),
    "damaged sums": (lambda place: (place / "SHA256SUMS").write_bytes(b"\xff\xfe\n"), ["SHA256SUMS is damaged"]),
    "foreign": (lambda place: (place / "bridge/more").touch(), ["bridge/more was not written by the backup"]),
}


async def test_damage_has_its_name_and_a_good_one_none(place: Path) -> None:
    assert await checked(place) == []
    for kind, (damage, says) in DAMAGE.items():
        copy = place.parent / kind / place.name
        shutil.copytree(place, copy)
        damage(copy)
        faults = "\n".join(await checked(copy))
        for words in says:
            assert re.search(words, faults), (kind, faults)


async def test_one_that_is_whole_and_of_no_use_is_told_too(root: Path, place: Path) -> None:
    """The sums are right: what is wrong was so when it was saved."""
    data, archive = root / "var/lib/wa-bridge", session(place)
    archive.unlink()
    shutil.rmtree(data / "sessions/haby/profile")
    with closing(sqlite3.connect(data / "sessions/haby/store.db")) as store:
        assert store.execute("DELETE FROM journal WHERE stream = ? AND seq = 2", (Stream.IN,)).rowcount == 1
        store.commit()
    again = backup(root, "--to", str(root / "again"))
    assert again.returncode == 0, again.stderr
    faults = await checked(newest(root / "again"))
    assert [fault.partition(": ")[2] for fault in faults] == [
        "the session would have to be paired again",
        "its journal lacks in 2",
    ]
    with tarfile.open(place / "settings.tar", "w"):
        pass
    sum_again(place)
    faults = ["it is 3 days old: no newer one was made", "settings.tar holds no etc/wa/wa.env"]
    assert await checked(place, later=timedelta(days=3)) == faults


def test_a_folder_without_any(tmp_path: Path) -> None:
    (tmp_path / "by-hand").mkdir()
    with pytest.raises(BadBackup, match="There is no backup in"):
        newest(tmp_path)


def test_the_command_says_it_in_one_line_and_fails(root: Path, place: Path) -> None:
    def check(target: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bridge.cli", "restore", "--check", str(target)]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, check=False, timeout=50)

    good = check(place.parent)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == f"{place} can be restored: haby, 3 journalled items, 1 listeners, 0 keys.\n"
    flip(session(place))
    bad = check(place.parent)
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (1, "", 1)
    assert "is not as it was written" in bad.stderr
    assert check(session(place)).returncode == 1
