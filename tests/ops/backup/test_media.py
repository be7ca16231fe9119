"""The files of messages in a backup: what the session refers to, put back where it is missing, refused if changed."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.contract.kinds.media import MediaState
from bridge.contract.s3_location import S3Location
from bridge.ops.backup import BadBackup, create_backup, read_manifest, restore_backup
from bridge.ports import MediaStore, NewMedia
from bridge.store.media_files import MediaFiles
from bridge.store.media_s3 import S3Media
from tests.ops.backup.conftest import LOGIN, NOW, clock, fill, no_pause, opened
from tests.s3_server import new_bucket, s3_server

RECEIVED, OTHERS = b"a photo" * 1000, b"of another session"


async def parts(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def backed_up(folder: Path, target: Path, media: MediaStore) -> None:
    """A session with a received file, and one of another session beside it, in a backup."""
    await fill(folder)
    for content in (RECEIVED, OTHERS):
        await media.add(parts(content), 10**6)
    sha256 = hashlib.sha256(RECEIVED).hexdigest()
    async with opened(folder) as store:
        file = NewMedia("false_5491155500001@c.us_3EB0", "5491155500001@c.us", MediaState.PENDING, sha256, 7000)
        await store.media.add(file)
    await create_backup(folder, "haby", target, bridge="1.0", now=NOW, pause=no_pause, login=LOGIN, media=media)


async def restored(archive: Path, folder: Path, media: MediaStore) -> int:
    done = await restore_backup(
        archive, folder, "haby", now=NOW, clock=clock, data_dir=folder.parent.parent, login=LOGIN, media=media
    )
    return done.files


async def test_files_go_into_a_backup_and_back_into_any_storage(folder: Path, tmp_path: Path) -> None:
    archive, name = tmp_path / "haby.tar.gz", hashlib.sha256(RECEIVED).hexdigest()
    await backed_up(folder, archive, MediaFiles(tmp_path / "media"))
    assert read_manifest(archive).media == 1
    with s3_server() as endpoint:
        bucket = S3Media(S3Location.parse(new_bucket(endpoint)), tmp_path / "spool", key="id:secret")
        for media in (MediaFiles(tmp_path / "elsewhere"), bucket):
            for _ in range(2):  # a file that is there stays
                assert await restored(archive, folder, media) == 1
            assert b"".join([part async for part in media.read(name)]) == RECEIVED
            assert [file.sha256 async for file in media.all()] == [name]


async def test_a_file_under_another_name_is_refused_before_anything_changes(folder: Path, tmp_path: Path) -> None:
    archive, name = tmp_path / "haby.tar.gz", hashlib.sha256(RECEIVED).hexdigest()
    media = MediaFiles(tmp_path / "media")
    await backed_up(folder, archive, media)
    unpacked = tmp_path / "unpacked"
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="data")
    manifest = json.loads((unpacked / "manifest.json").read_text())
    inside = f"media/{name[:2]}/{name}"
    (unpacked / inside).write_bytes(OTHERS)
    manifest["files"][inside] = {"size": len(OTHERS), "sha256": hashlib.sha256(OTHERS).hexdigest()}
    (unpacked / "manifest.json").write_text(json.dumps(manifest))
    with tarfile.open(archive, "w:gz") as tar:
        for member in ("manifest.json", *manifest["files"]):
            tar.add(unpacked / member, arcname=member)
    store = (folder / "store.db").read_bytes()
    with pytest.raises(BadBackup, match="another file than its name says"):
        await restored(archive, folder, media)
    assert (folder / "store.db").read_bytes() == store
