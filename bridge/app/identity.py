"""The identity of a bridge, and the lock on its data directory.

The owner's name is the instance's with a mark of the data directory: two bridges with one host name and two data
directories are different owners, and a bridge that was killed and started again is the same one.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.contract.errors import StartError


@contextmanager
def data_directory(path: Path, instance: str) -> Iterator[str]:
    """Lock the data directory, created if missing, and yield the owner's name, `<instance>:<mark>`.

    Raises `StartError` when it cannot be written or another bridge has locked it: two on one store and one login would
    disconnect each other again and again. The lock ends with the process, however that ends.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "bridge.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        _take(lock, path)
        try:
            owner = f"{instance}:{_mark(path)}"
        except OSError as error:
            raise _unusable(path, error) from error
        yield owner
    finally:
        os.close(lock)


def of_same_directory(one: str, other: str) -> bool:
    """Whether two owners have one data directory, and so one store, whatever their instance names."""
    return one.rpartition(":")[2] == other.rpartition(":")[2]


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
        raise StartError(
            f"Another bridge (process {holder or 'unknown'}) uses the data directory {path}. "
            "Stop it, or name another directory in WA_DATA_DIR."
        ) from error
    except OSError as error:
        raise _unusable(path, error) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _mark(path: Path) -> str:
    file = path / "bridge-id"
    mark = file.read_text().strip() if file.exists() else ""
    if not mark:
        mark = secrets.token_hex(4)
        new = file.with_suffix(".new")
        new.write_text(mark)
        new.rename(file)
    return mark


def _unusable(path: Path, error: OSError) -> StartError:
    return StartError(
        f"The data directory {path} cannot be used ({error.strerror}). "
        "Make it writable, or name another in WA_DATA_DIR."
    )
