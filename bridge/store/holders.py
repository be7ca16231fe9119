"""Who has a file of ours locked. Reads the kernel's list of locks: asking by locking would disturb a start."""

from __future__ import annotations

import os
from pathlib import Path


def holders(path: Path) -> list[int] | None:
    """Pids of the processes that hold a lock on the file; None where the system does not tell (only Linux does).

    A SQLite connection in WAL mode holds one as long as it is open. A holder in another container has the pid 0.
    """
    try:
        locks = Path("/proc/locks").read_text(encoding="ascii")
        place = path.stat()
    except FileNotFoundError:
        return [] if Path("/proc/locks").exists() else None
    except OSError:
        return None
    return sorted({pid for pid in of_inode(locks, place.st_ino) if _has_open(pid, place)})


def _has_open(pid: int, place: os.stat_result) -> bool:
    """Whether the process really has this file: another file system may have a file of the same inode."""
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return True  # not ours to look into
    return any(_is(descriptor, place) for descriptor in descriptors)


def _is(descriptor: Path, place: os.stat_result) -> bool:
    try:
        return os.path.samestat(descriptor.stat(), place)
    except OSError:
        return False


def of_inode(locks: str, inode: int) -> list[int]:
    """From the text of /proc/locks, for example `1: FLOCK  ADVISORY  WRITE 24635 fe:00:2269744 0 EOF`. Pure.

    The device is left out: an overlay reports that of the layer below.
    """
    found = []
    for line in locks.splitlines():
        fields = line.split()
        if "->" in fields[:2]:  # waits for the lock, does not hold it
            continue
        if int(fields[5].split(":")[2]) == inode:
            found.append(max(int(fields[4]), 0))
    return found
