"""The bridge's machine: data directory, file modes, free disk space, file-system type, user."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from bridge.contract.findings import Finding, fault, ok, warning

#: File systems on which SQLite's locks and shared memory are unreliable.
NETWORK = frozenset(
    {"9p", "afs", "ceph", "cifs", "davfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
NETWORK_BY_FUSE = frozenset({"fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"})
#: Free bytes below which the disk counts as full, and as nearly full.
FULL, NEARLY_FULL = 200_000_000, 1_000_000_000
_CHECK = "data directory"


def data_directory(folder: Path) -> Iterator[Finding]:
    """Whether it exists, belongs to this user and is writable, and which files in it other users can read."""
    if not folder.exists():
        parent = next(above for above in folder.absolute().parents if above.exists())
        if os.access(parent, os.W_OK):
            yield ok(_CHECK, f"{folder} does not exist yet; the bridge creates it.")
        else:
            yield fault(_CHECK, f"{folder} does not exist and cannot be created.", _write_advice(parent))
        return
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield fault(_CHECK, f"{folder} is not writable for this user.", _write_advice(folder))
        return
    open_to_others = [path for path in _private_paths(folder) if _mode(path) & 0o077]
    for path in open_to_others:
        wanted = 0o700 if path.is_dir() else 0o600
        yield warning(
            _CHECK,
            f"Other users can read {path} ({_mode(path):04o}): it contains a login, messages or a password.",
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
        yield ok(_CHECK, f"{folder.absolute()} is writable, and no other user can read its private files.")


def disk(folder: Path) -> Finding:
    existing = _existing(folder)
    free = shutil.disk_usage(existing).free
    inodes = os.statvfs(existing)
    what = f"{free / 1e9:.1f} GB free at {folder}."
    if inodes.f_files and inodes.f_favail < 1000:
        return fault("disk", f"The file system has only {inodes.f_favail} inodes left.", "Delete files there.")
    if free < FULL:
        return fault(
            "disk", what, "Free disk space: with a full disk nothing can be journalled, so nothing is delivered."
        )
    if free < NEARLY_FULL:
        return warning("disk", what, "Free disk space, or lower WA_RETENTION (30d,1GB keeps up to 1 GB per session).")
    return ok("disk", what)


def file_system(folder: Path) -> Finding | None:
    """Local or network file system; None if the system does not show it."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = kind_of(_existing(folder).resolve(), mounts)
    if kind in NETWORK | NETWORK_BY_FUSE:
        return fault(
            "file system",
            f"{folder} is on a network file system ({kind}): a store there can be corrupted silently.",
            "Put WA_DATA_DIR on a local disk.",
        )
    if kind in ("tmpfs", "ramfs"):
        return warning(
            "file system",
            f"{folder} is in memory ({kind}): login and journal are lost at a reboot.",
            "Put WA_DATA_DIR on a disk.",
        )
    return ok("file system", f"{folder} is on {kind or 'an unnamed file system'}.")


def kind_of(path: Path, mountinfo: str) -> str | None:
    """The file-system type of `path`, from the text of /proc/self/mountinfo. Pure."""
    best, kind = -1, None
    for line in mountinfo.splitlines():
        head, _, tail = line.partition(" - ")
        point = head.split(" ")[4].encode().decode("unicode_escape")  # a space is written \040
        if path.is_relative_to(point) and len(point) >= best:  # of two mounts on one point the later one is visible
            best, kind = len(point), tail.split(" ")[0]
    return kind


def user(uid: int) -> Finding:
    """The user whose rights a page has if it escapes the renderer."""
    if uid == 0:
        return warning(
            "user",
            "Running as root: Chromium's sandbox is off.",
            "Run the bridge as a dedicated user.",
        )
    return ok("user", f"Runs as uid {uid}, not as root.")


def _private_paths(folder: Path) -> Iterable[Path]:
    """Files and folders with logins, messages and passwords."""
    yield from folder.glob("broker.json")
    yield from folder.glob("bridge.db*")
    for session in folder.glob("sessions/*/"):
        yield session
        yield from session.glob("profile/")
        yield from session.glob("store.db*")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _write_advice(path: Path) -> str:
    return f"Give uid {os.geteuid()} write permission for {path}, or set another WA_DATA_DIR."
