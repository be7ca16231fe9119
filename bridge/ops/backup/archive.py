"""The backup file: a tar.gz whose first member is a manifest with the checksum of every other one.

Knows files, not what they mean. It takes nothing out of an archive that the manifest does not name.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from bridge.contract.errors import CodedError

MANIFEST = "manifest.json"
KIND, VERSION = "whatsapp-mqtt-bridge session", 1
#: A manifest of a profile with thousands of files has some hundred KB.
_MANIFEST_LIMIT = 50_000_000
_CHUNK = 1 << 20


class BadBackup(CodedError):
    """The file is no backup of ours, or not whole."""

    code = "bad_backup"
    transient = False


@dataclass(frozen=True, slots=True)
class FileMark:
    """How to recognise a file."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `created_at` is RFC 3339; `files` are paths below the session's folder, and `shared/…`."""

    session: str
    epoch: str
    schema: int
    created_at: str
    bridge: str
    files: dict[str, FileMark]
    kind: str = KIND
    v: int = VERSION

    @property
    def has_profile(self) -> bool:
        """Whether the login is in it."""
        return any(name.startswith("profile/") for name in self.files)

    @property
    def size(self) -> int:
        return sum(mark.size for mark in self.files.values())


def marks(folder: Path) -> dict[str, FileMark]:
    """The marks of all files below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = _mark(file)
    return found


def pack(folder: Path, manifest: Manifest, target: Path) -> None:
    """Write the archive, readable by its owner only; `target` is there whole or not at all."""
    draft = target.with_name(f".{target.name}.part")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            # most of a profile is compressed already: more than level 1 costs time and saves little
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
                text = json.dumps(asdict(manifest), indent=1).encode()
                with (folder / MANIFEST).open("xb") as written:
                    written.write(text)
                for name in (MANIFEST, *manifest.files):
                    tar.add(folder / name, arcname=name, recursive=False, filter=_anonymous)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def read_manifest(path: Path) -> Manifest:
    """What an archive says of itself. Raises `BadBackup`."""
    with _reading(path) as tar:
        return _manifest(tar, path)


def unpack(path: Path, into: Path) -> Manifest:
    """Take every file out, checked. Raises `BadBackup` where one is missing, foreign, or not as it was."""
    with _reading(path) as tar:
        manifest = _manifest(tar, path)
        left = dict(manifest.files)
        while member := tar.next():
            mark = left.pop(member.name, None)
            source = tar.extractfile(member) if member.isreg() else None
            if mark is None or source is None or not _is_below(member.name):
                raise BadBackup(f"{path} holds {member.name!r}, which its manifest does not name.")
            target = into / member.name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
                while chunk := source.read(_CHUNK):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                if _mark(file) != mark:
                    raise BadBackup(f"{path} is damaged: {member.name} is not as it was saved.")
        if left:
            raise BadBackup(f"{path} is not whole: {len(left)} files are missing, {next(iter(left))} for one.")
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
        fields["files"] = {name: FileMark(**mark) for name, mark in fields["files"].items()}
        return Manifest(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadBackup(f"{path} has a manifest that cannot be read.") from error


@contextmanager
def _reading(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, mode="r:gz") as tar:
            yield tar
    except FileNotFoundError as error:
        if error.filename not in (path, str(path)):
            raise
        raise BadBackup(f"There is no file {path}.") from error
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadBackup(f"{path} is no backup of a session, or is not whole ({error}).") from error


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nobody's name, and nobody else's to read when it is unpacked by hand."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _mark(file: IO[bytes]) -> FileMark:
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return FileMark(size, digest.hexdigest())
