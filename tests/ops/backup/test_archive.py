"""The archive file: complete or refused, private, and limited to what its manifest names."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from bridge.ops.backup import BadBackup, read_manifest
from bridge.ops.backup.archive import KIND, MANIFEST, VERSION, FileDigest, Manifest, digests, pack, unpack


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


def forged(path: Path, files: dict[str, Any], members: dict[str, bytes], manifest: bytes | None = None) -> Path:
    """An archive with these members, whose manifest claims `files`."""
    fields = {"session": "haby", "epoch": "e", "schema": 1, "created_at": "2026-11-28T12:00:00Z", "bridge": "0.1.0"}
    text = manifest or json.dumps({**fields, "files": files, "kind": KIND, "v": VERSION}).encode()
    with tarfile.open(path, "w:gz") as tar:
        for name, content in {MANIFEST: text, **members}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def written(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_member_larger_than_the_manifest_says_is_refused_before_it_is_written(tmp_path: Path) -> None:
    claimed = {"store.db": {"size": 10, "sha256": "0" * 64}}
    bomb = forged(tmp_path / "bomb.tar.gz", claimed, {"store.db": bytes(50_000_000)})
    (into := tmp_path / "into").mkdir()
    with pytest.raises(BadBackup, match="size"):
        unpack(bomb, into)
    assert written(into) == 0


def test_a_backup_larger_than_the_space_left_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    claimed = {name: {"size": free, "sha256": "0" * 64} for name in ("store.db", "profile/a")}
    huge = forged(tmp_path / "huge.tar.gz", claimed, {})
    (into := tmp_path / "into").mkdir()
    with pytest.raises(BadBackup, match="free"):
        unpack(huge, into)
    assert written(into) == 0


@pytest.mark.parametrize(
    "manifest",
    [
        b"[" * 100_000,
        b'{"files": ' + b"[" * 50_000,
        b"{}",
        b"[]",
        b'{"kind": [], "v": 1}',
        b"\xff",
        json.dumps({"kind": KIND, "v": VERSION, "files": {"a": {"size": "x", "sha256": "0" * 64}}}).encode(),
        json.dumps({"kind": KIND, "v": VERSION, "files": {"a": {"size": -5, "sha256": "0" * 64}}}).encode(),
        json.dumps({"kind": KIND, "v": VERSION, "files": {"a": {"size": 1e400, "sha256": 7}}}).encode(),
        json.dumps({"kind": KIND, "v": VERSION, "files": 5}).encode(),
    ],
    ids=["deep", "deep files", "empty", "list", "kind", "bytes", "size", "negative", "infinite", "files"],
)
def test_any_manifest_is_read_or_refused(tmp_path: Path, manifest: bytes) -> None:
    path = forged(tmp_path / "odd.tar.gz", {}, {}, manifest)
    with pytest.raises(BadBackup):
        read_manifest(path)


def test_a_header_of_the_archive_takes_no_memory(tmp_path: Path) -> None:
    """A pax header may announce any size, and tarfile reads it whole."""
    path = tmp_path / "header.tar.gz"
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 300_000_000
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(header, io.BytesIO(bytes(header.size)))
    tracemalloc.start()
    try:
        with pytest.raises(BadBackup):
            read_manifest(path)
        assert tracemalloc.get_traced_memory()[1] < 80_000_000
    finally:
        tracemalloc.stop()
