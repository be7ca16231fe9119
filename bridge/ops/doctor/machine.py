"""The machine under the bridge: data directory, modes, free disk, kind of file system, the user it runs as."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from bridge.ops.doctor.findings import Finding, fault, ok, warning

#: File systems on which SQLite's locks and shared memory cannot be trusted.
NETWORK = frozenset(
    {"9p", "afs", "ceph", "cifs", "davfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
NETWORK_BY_FUSE = frozenset({"fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"})
#: Bytes that must be free: below the first the disk is as good as full, below the second it soon will be.
FULL, TIGHT = 200_000_000, 1_000_000_000
_CHECK = "data directory"


def data_directory(folder: Path) -> Iterator[Finding]:
    """Whether it is there, ours, and writable, and what lies in it that others can read."""
    if not folder.exists():
        parent = next(above for above in folder.absolute().parents if above.exists())
        if os.access(parent, os.W_OK):
            yield ok(_CHECK, f"{folder} does not exist yet; the bridge makes it.")
        else:
            yield fault(_CHECK, f"{folder} does not exist and cannot be made.", _writable(parent))
        return
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield fault(_CHECK, f"{folder} cannot be written by this user.", _writable(folder))
        return
    open_to_others = [path for path in _private_paths(folder) if _mode(path) & 0o077]
    for path in open_to_others:
        wanted = 0o700 if path.is_dir() else 0o600
        yield warning(
            _CHECK,
            f"Other users can read {path} ({_mode(path):04o}): it holds a login, messages or a password.",
            f"chmod {wanted:o} {path}",
        )
    foreign = [path for path in _private_paths(folder) if path.stat().st_uid != os.geteuid()]
    for path in foreign:
        yield fault(
            _CHECK,
            f"{path} belongs to another user (uid {path.stat().st_uid}): the bridge cannot use it.",
            f"chown -R {os.geteuid()} {path}, or run the bridge as that user.",
        )
    if not open_to_others and not foreign:
        yield ok(_CHECK, f"{folder.absolute()} is writable, and its private files are private.")


def disk(folder: Path) -> Finding:
    """Room for the journal."""
    place = _existing(folder)
    free = shutil.disk_usage(place).free
    inodes = os.statvfs(place)
    what = f"{free / 1e9:.1f} GB free at {folder}."
    if inodes.f_files and inodes.f_favail < 1000:
        return fault("disk", f"The file system has only {inodes.f_favail} inodes left.", "Remove files there.")
    if free < FULL:
        return fault("disk", what, "Make room: with a full disk nothing can be journalled, so nothing is delivered.")
    if free < TIGHT:
        return warning("disk", what, "Make room, or lower WA_RETENTION (30d,1GB keeps up to 1 GB a session).")
    return ok("disk", what)


def file_system(folder: Path) -> Finding | None:
    """Local or over a network; None where the system does not say."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = kind_of(_existing(folder).resolve(), mounts)
    if kind in NETWORK | NETWORK_BY_FUSE:
        return fault(
            "file system",
            f"{folder} is on a network file system ({kind}): a store there can be damaged without notice.",
            "Put WA_DATA_DIR on a local disk.",
        )
    if kind in ("tmpfs", "ramfs"):
        return warning(
            "file system",
            f"{folder} is in memory ({kind}): login and journal are gone after a restart of the machine.",
            "Put WA_DATA_DIR on a disk.",
        )
    return ok("file system", f"{folder} is on {kind or 'an unnamed file system'}.")


def kind_of(path: Path, mountinfo: str) -> str | None:
    """The type of the file system that holds `path`, from the text of /proc/self/mountinfo. Pure."""
    best, kind = -1, None
    for line in mountinfo.splitlines():
        head, _, tail = line.partition(" - ")
        point = head.split(" ")[4].encode().decode("unicode_escape")  # a space is written \040
        if path.is_relative_to(point) and len(point) >= best:  # of two mounts on one point the later one counts
            best, kind = len(point), tail.split(" ")[0]
    return kind


def user(uid: int) -> Finding:
    """Whom a page that breaks out of its renderer would be."""
    if uid == 0:
        return warning(
            "user",
            "Running as root: Chromium's sandbox is off.",
            "Run the bridge as a user of its own.",
        )
    return ok("user", f"Runs as uid {uid}, not as root.")


def _private_paths(folder: Path) -> Iterable[Path]:
    """What holds logins, messages and passwords."""
    yield from folder.glob("broker.json")
    yield from folder.glob("bridge.db*")
    for session in folder.glob("sessions/*/"):
        yield session
        yield from session.glob("profile/")
        yield from session.glob("store.db*")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _existing(folder: Path) -> Path:
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


def _writable(place: Path) -> str:
    return f"Give uid {os.geteuid()} the right to write {place}, or name another directory in WA_DATA_DIR."
