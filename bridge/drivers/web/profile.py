"""One owner for a browser profile: the lock, the record of its running browser, and the end of left-over browsers.

headless-shell has no lock of its own (measured: two opened one profile), and a bridge that was killed leaves its
browser running; either would damage the login. A second bridge on this host gets `ProfileLocked`.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from bridge.contract.errors import CodedError
from bridge.drivers.web import processes
from bridge.drivers.web.processes import ProcessMark

_log = logging.getLogger(__name__)
LOCK, DOWNLOADS = "bridge.lock", "bridge-downloads"
#: Exists from the first connection of the login until its end.
_CONNECTED = "bridge-connected"
#: Exists while the profile has a login, so that a bridge knows it without a browser.
PAIRED = "bridge-paired"
_RECORD_LIMIT = 4096
MEGABYTE = 1024 * 1024
#: Free bytes that a profile and the store beside it need.
LEAST_FREE = 20 * MEGABYTE
_SINGLETONS = ("SingletonLock", "SingletonSocket", "SingletonCookie")


def mark_paired(profile: Path, *, paired: bool) -> None:
    """Note in a profile whether it has a login; on a full disk it stays unknown."""
    with suppress(OSError):
        if paired:
            (profile / PAIRED).touch(mode=0o600)
        else:
            (profile / PAIRED).unlink(missing_ok=True)


class ProfileLocked(CodedError):
    """Another bridge on this host uses the profile."""

    code = "profile_locked"


class ProfileUnusable(CodedError):
    """The profile's folder cannot be created, locked or written."""

    code = "profile_unusable"


class Profile:
    """`async with Profile(path)`: this process holds the folder, and no browser runs on it."""

    def __init__(self, path: Path, *, end_timeout: float = 5.0, least_free: int = LEAST_FREE) -> None:
        self.path = path
        self._least_free = least_free
        self._end_timeout = end_timeout
        self._lock: IO[str] | None = None

    async def __aenter__(self) -> Self:
        self.path = self.path.absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            # not inherited by the browser, so the lock ends with this process, even if it is killed
            lock = (self.path / LOCK).open("a+", encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise ProfileLocked(f"Another bridge on this host uses the browser profile {self.path}.") from error
        except OSError as error:  # a network volume without locks, for example
            lock.close()
            raise ProfileUnusable(f"The browser profile {self.path} cannot be locked: {error.strerror}.") from error
        self._lock = lock
        try:
            self._check_space()
            await self.clear()
        except OSError as error:
            self._release()
            raise self._unwritable(error) from error
        except BaseException:
            self._release()
            raise
        return self

    def _check_space(self) -> None:
        """Refuse a full disk: a browser would start on it and lose its login."""
        free = shutil.disk_usage(self.path).free
        if free < self._least_free:
            raise ProfileUnusable(f"Only {free // MEGABYTE} MB are free for the browser profile {self.path}.")

    async def __aexit__(self, *_: object) -> None:
        self._release()

    async def clear(self) -> None:
        """End every browser on this profile, and remove left-over files that would prevent a new one."""
        left_over = set(processes.of_profile(self.path))
        recorded = self._recorded()
        if recorded and recorded.is_alive:
            left_over.add(recorded)
        if left_over:
            _log.warning("ending a left-over browser (pid %s)", ", ".join(str(m.pid) for m in left_over))
            await processes.end(left_over, self._end_timeout)
        self._write("")
        self._remove_singletons()
        shutil.rmtree(self.downloads, ignore_errors=True)  # of a browser that was killed
        self.downloads.mkdir(mode=0o700)

    @property
    def downloads(self) -> Path:
        """Where the browser saves files: on the disk of the store, so that they can be moved in one step."""
        return self.path / DOWNLOADS

    @property
    def was_connected(self) -> bool:
        """Whether its login was connected and has not ended since, in this run or an earlier one."""
        return (self.path / _CONNECTED).exists()

    def note(self, *, connected: bool) -> None:
        """Note it; no failure, since it decides no more than the order of starts."""
        with suppress(OSError):
            if connected:
                (self.path / _CONNECTED).touch(mode=0o600)
            else:
                (self.path / _CONNECTED).unlink(missing_ok=True)

    def empty(self) -> None:
        """Remove everything except the lock; this deletes the login. Raises `ProfileUnusable`."""
        try:
            for entry in self.path.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry.name != LOCK:
                    entry.unlink()
        except OSError as error:
            raise ProfileUnusable(f"{error.filename or self.path} cannot be removed: {error.strerror}.") from error

    def record(self, browser: ProcessMark) -> None:
        """Record the running browser for the next bridge process. Raises `ProfileUnusable`."""
        try:
            self._write(json.dumps({"pid": browser.pid, "started": browser.started}))
        except OSError as error:
            raise self._unwritable(error) from error

    def _recorded(self) -> ProcessMark | None:
        if self._lock is None:
            return None
        self._lock.seek(0)
        try:
            fields = json.loads(self._lock.read(_RECORD_LIMIT) or "{}")
            return ProcessMark(int(fields["pid"]), float(fields["started"]))
        except (ValueError, KeyError, TypeError):
            return None

    def _write(self, text: str) -> None:
        if self._lock is not None:
            self._lock.seek(0)
            self._lock.truncate()
            self._lock.write(text)
            self._lock.flush()
            os.fsync(self._lock.fileno())

    def _remove_singletons(self) -> None:
        """Remove Chromium's own lock if its host (a previous container) or its process no longer exists."""
        lock = self.path / _SINGLETONS[0]
        if not lock.is_symlink():
            return
        host, _, pid = str(lock.readlink()).rpartition("-")
        if host == socket.gethostname() and pid.isdigit() and Path(f"/proc/{pid}").exists():
            return
        for name in _SINGLETONS:
            (self.path / name).unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> ProfileUnusable:
        return ProfileUnusable(f"The browser profile {self.path} cannot be written: {error.strerror}.")

    def _release(self) -> None:
        if self._lock is not None:
            with suppress(OSError):  # of a record that could not be written; it is closed all the same
                self._lock.close()
            self._lock = None
