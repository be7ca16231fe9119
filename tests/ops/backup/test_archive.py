"""The archive file: complete or refused, private, and limited to what its manifest names."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from bridge.ops.backup import BadBackup, read_manifest
from bridge.ops.backup.archive import FileDigest, Manifest, digests, pack, unpack


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "profile").mkdir(parents=True)
    (source / "store.db").write_bytes(b"store")
    (source / "profile" / "with space é").write_bytes(b"login" * 1000)
    target = tmp_path / "haby.tar.gz"
    pack(source, manifest(digests(source)), target)
    return target


def manifest(files: dict[str, FileDigest]) -> Manifest:
    return Manifest("haby", "epoch", 1, "2026-11-24T05:00:00.000Z", "1.0", files)


def with_member(archive: Path, name: str, *, link: str | None = None) -> None:
    """Add a member to an archive."""
    with tarfile.open(archive, "r:gz") as old:
        kept = [(member, old.extractfile(member).read()) for member in old.getmembers()]  # type: ignore[union-attr]
    with tarfile.open(archive, "w:gz") as new:
        for member, content in kept:
            new.addfile(member, io.BytesIO(content))
        extra = tarfile.TarInfo(name)
        if link is not None:
            extra.type, extra.linkname = tarfile.SYMTYPE, link
        new.addfile(extra, io.BytesIO(b""))


def test_unpacked_files_equal_the_packed_ones_and_are_private(archive: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    found = unpack(archive, into)
    assert (into / "profile" / "with space é").read_bytes() == b"login" * 1000
    assert found == read_manifest(archive)
    assert found.has_profile
    assert found.size == 5005
    assert archive.stat().st_mode & 0o777 == 0o600
    assert (into / "store.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "profile/unnamed"])
def test_a_member_that_the_manifest_does_not_name_is_refused(archive: Path, tmp_path: Path, name: str) -> None:
    with_member(archive, name)
    with pytest.raises(BadBackup, match="does not name"):
        unpack(archive, tmp_path / "into")
    assert not (tmp_path / "outside").exists()


def test_a_link_is_refused_even_if_the_manifest_names_it(archive: Path, tmp_path: Path) -> None:
    with_member(archive, "store.db", link="/etc/passwd")
    with pytest.raises(BadBackup, match="does not name"):
        unpack(archive, tmp_path / "into")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_truncated_file_is_refused(archive: Path, tmp_path: Path, share: float) -> None:
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadBackup):
        unpack(archive, tmp_path / "into")


def test_changed_content_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "store.db").write_bytes(b"store")
    files = digests(source)
    (source / "store.db").write_bytes(b"STORE")
    pack(source, manifest(files), tmp_path / "bad.tar.gz")
    with pytest.raises(BadBackup, match=r"store\.db differs from its checksum"):
        unpack(tmp_path / "bad.tar.gz", tmp_path / "into")


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00 neither"])
def test_another_file_is_not_a_backup(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(BadBackup):
        read_manifest(tmp_path / "other")


def test_a_foreign_archive_is_not_a_backup(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("hello"), io.BytesIO(b""))
    with pytest.raises(BadBackup, match="not a backup"):
        read_manifest(tmp_path / "other.tar.gz")


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BadBackup, match="File not found"):
        read_manifest(tmp_path / "none.tar.gz")


def test_a_failed_backup_leaves_no_partial_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with pytest.raises(FileNotFoundError):
        pack(source, manifest({"gone": FileDigest(1, "0")}), tmp_path / "haby.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
