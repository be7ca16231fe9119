"""The backup file: a tar.gz whose first member is a manifest with the checksum of every other member.

Handles files without knowing their meaning. Extracts only what the manifest names.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from typing_extensions import override

from bridge.contract.errors import CodedError

MANIFEST = "manifest.json"
KIND, VERSION = "whatsapp-mqtt-bridge session", 1
#: Bytes. The manifest of a profile with thousands of files has several hundred KB.
_MANIFEST_LIMIT = 50_000_000
_CHUNK = 1 << 20


class BadBackup(CodedError):
    """The file is not a backup of this program, or is damaged."""

    code = "bad_backup"
    transient = False


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Size in bytes and SHA-256 (hex) of a file."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Content of a backup. `created_at` is RFC 3339; `files` are paths below the session's folder, and `shared/…`."""

    session: str
    epoch: str
    schema: int
    created_at: str
    bridge: str
    files: dict[str, FileDigest]
    kind: str = KIND
    v: int = VERSION

    @property
    def has_profile(self) -> bool:
        """Whether the backup includes the login."""
        return any(name.startswith("profile/") for name in self.files)

    @property
    def media(self) -> int:
        """How many files of messages the backup includes."""
        return sum(name.startswith("media/") for name in self.files)

    @property
    def size(self) -> int:
        return sum(digest.size for digest in self.files.values())


def digests(folder: Path) -> dict[str, FileDigest]:
    """Digests of all files below a folder, by relative path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = _digest(file)
    return found


def pack(folder: Path, manifest: Manifest, target: Path) -> None:
    """Write the archive atomically, readable by its owner only."""
    draft = target.with_name(f".{target.name}.part")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            # most of a profile is already compressed: a level above 1 costs time and saves little
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
                text = json.dumps(asdict(manifest), indent=1).encode()
                with (folder / MANIFEST).open("xb") as manifest_file:
                    manifest_file.write(text)
                for name in (MANIFEST, *manifest.files):
                    tar.add(folder / name, arcname=name, recursive=False, filter=_without_owner)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def read_manifest(path: Path) -> Manifest:
    """Read only the manifest. Raises `BadBackup`."""
    with _open_archive(path) as tar:
        return _manifest(tar, path)


def unpack(path: Path, into: Path) -> Manifest:
    """Extract and verify every file. Raises `BadBackup` if one is missing, unexpected or changed."""
    with _open_archive(path) as tar:
        manifest = _manifest(tar, path)
        if manifest.size > (free := _free(into)):
            raise BadBackup(f"{path} holds {manifest.size:,} bytes, and {free:,} are free in {into.parent}.")
        remaining = dict(manifest.files)
        while member := tar.next():
            expected = remaining.pop(member.name, None)
            source = tar.extractfile(member) if member.isreg() else None
            if expected is None or source is None or not _is_below(member.name):
                raise BadBackup(f"{path} contains {member.name!r}, which its manifest does not name.")
            if member.size != expected.size:
                raise BadBackup(f"{path} is damaged: the size of {member.name} is not what its manifest says.")
            target = into / member.name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
                while chunk := source.read(_CHUNK):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                if _digest(file) != expected:
                    raise BadBackup(f"{path} is damaged: {member.name} differs from its checksum.")
        if remaining:
            raise BadBackup(f"{path} is incomplete: {len(remaining)} files are missing, e.g. {next(iter(remaining))}.")
    return manifest


def _manifest(tar: tarfile.TarFile, path: Path) -> Manifest:
    first = tar.next()
    source = tar.extractfile(first) if first and first.name == MANIFEST and first.size < _MANIFEST_LIMIT else None
    if source is None:
        raise BadBackup(f"{path} is not a backup made by `wa backup`.")
    try:
        fields = json.loads(source.read())
        if (fields["kind"], fields["v"]) != (KIND, VERSION):
            raise BadBackup(f"{path} is a {fields['kind']!r} of version {fields['v']}; this bridge reads {VERSION}.")
        fields["files"] = {name: FileDigest(**digest) for name, digest in fields["files"].items()}
        manifest = Manifest(**fields)
        if any(type(one.size) is not int or one.size < 0 for one in manifest.files.values()):
            raise ValueError("a size is not one")
        return manifest
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise BadBackup(f"{path} has an invalid manifest.") from error


@contextmanager
def _open_archive(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with _Unpacked(path) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as tar:
            yield tar
    except FileNotFoundError as error:
        if error.filename not in (path, str(path)):
            raise
        raise BadBackup(f"File not found: {path}.") from error
    except gzip.BadGzipFile as error:
        raise BadBackup(f"{path} is not a session backup, or is damaged.") from error
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BadBackup(f"{path} is not a session backup, or is incomplete ({error}).") from error


class _Unpacked(gzip.GzipFile):
    """The archive without its compression. A header may announce any size, which tarfile would read at once."""

    @override
    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _MANIFEST_LIMIT:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return super().read(size)


def _free(folder: Path) -> int:
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    return shutil.disk_usage(existing).free


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Removes the owner's name, and keeps files private when the archive is unpacked by hand."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _digest(file: IO[bytes]) -> FileDigest:
    sha256, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        sha256.update(chunk)
        size += len(chunk)
    return FileDigest(size, sha256.hexdigest())
