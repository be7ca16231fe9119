"""The machine checks: file-system type, file modes, disk space."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge.ops.doctor import machine

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:27 / /srv rw,relatime shared:9 - nfs4 files:/srv rw
31 30 254:1 / /srv/local rw - xfs /dev/vdb rw
32 22 0:30 / /mnt/with\\040space rw - cifs //files/x rw
33 22 0:31 / /tmp rw - tmpfs tmpfs rw
34 22 0:32 / /over rw - ext4 /dev/vdc rw
35 34 0:33 / /over rw - fuse.sshfs me@there:/ rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/wa", "ext4"),
        ("/srv/wa", "nfs4"),
        ("/srv/local/wa", "xfs"),
        ("/srvx", "ext4"),
        ("/mnt/with space/wa", "cifs"),
        ("/over/wa", "fuse.sshfs"),
    ],
)
def test_the_file_system_is_that_of_the_innermost_newest_mount(path: str, kind: str) -> None:
    assert machine.kind_of(Path(path), MOUNTS) == kind


def test_network_file_systems_are_recognised() -> None:
    assert {"nfs4", "cifs", "fuse.sshfs"} <= machine.NETWORK | machine.NETWORK_BY_FUSE
    assert "ext4" not in machine.NETWORK


def test_a_missing_folder_is_ok(tmp_path: Path) -> None:
    [finding] = machine.data_directory(tmp_path / "not" / "yet")
    assert (finding.level, finding.advice) == ("ok", None)


def test_files_readable_by_others_are_reported_with_the_command_to_fix_them(tmp_path: Path) -> None:
    session = tmp_path / "sessions" / "haby"
    session.mkdir(parents=True, mode=0o700)
    store = session / "store.db"
    store.touch(mode=0o644)
    os.chmod(store, 0o644)  # noqa: PTH101 - independent of the umask
    found = list(machine.data_directory(tmp_path))
    assert [finding.level for finding in found] == ["warning"]
    assert found[0].advice == f"chmod 600 {store}"
    store.chmod(0o600)
    assert [finding.level for finding in machine.data_directory(tmp_path)] == ["ok"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")
def test_a_file_of_another_user_is_a_fault(tmp_path: Path) -> None:
    broker = tmp_path / "broker.json"
    broker.touch(mode=0o600)
    os.chown(broker, 12345, 12345)
    [finding] = machine.data_directory(tmp_path)
    assert finding.level == "fault"
    assert "uid 12345" in finding.what


def test_a_file_instead_of_the_folder_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    [finding] = machine.data_directory(tmp_path / "data")
    assert finding.level == "fault"


@pytest.mark.parametrize(("free", "level"), [(100, "fault"), (500_000_000, "warning"), (5_000_000_000, "ok")])
def test_free_disk_space(free: int, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("usage", (), {"free": free})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert machine.disk(tmp_path).level == level


def test_root_gets_a_warning() -> None:
    assert (machine.user(0).level, machine.user(1000).level) == ("warning", "ok")
