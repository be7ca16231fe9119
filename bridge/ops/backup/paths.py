"""A session's files on disk: which a backup includes, and locks that keep bridges off them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from bridge.contract.errors import CodedError
from bridge.drivers.web.profile import LOCK
from bridge.store import StoreBusy
from bridge.store.inspection import holders
from bridge.store.online_copy import held

STORE, PROFILE = "store.db", "profile"
#: Folders that Chromium recreates. They are most of a profile's size and hold no part of the login.
CACHES = frozenset(
    {
        "BrowserMetrics",
        "Cache",
        "Code Cache",
        "Crashpad",
        "DawnCache",
        "DawnGraphiteCache",
        "DawnWebGPUCache",
        "GPUCache",
        "GrShaderCache",
        "GraphiteDawnCache",
        "Service Worker",
        "ShaderCache",
    }
)
#: Locks and addresses of one browser run.
RUNTIME_FILES = frozenset({LOCK, "DevToolsActivePort", "SingletonCookie", "SingletonLock", "SingletonSocket"})


class SessionInUse(CodedError):
    """A bridge uses the session's files."""

    code = "session_in_use"


def excluded_names(folder: str, names: list[str]) -> set[str]:
    """The files of a profile that are not copied; an `ignore` of `shutil.copytree`."""
    return {name for name in names if name in CACHES or name in RUNTIME_FILES or not _is_plain(Path(folder) / name)}


def timestamp(moment: datetime) -> str:
    """`20261124T050000Z`, for file names; `moment` is in UTC."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


@contextmanager
def locked_session(folder: Path, session: str) -> Iterator[None]:
    """Hold the locks of store and profile, so that no bridge can open them. Raises `SessionInUse`."""
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder / STORE))
        except StoreBusy as error:
            raise _in_use(session, folder / STORE) from error
        if (folder / PROFILE).is_dir():
            stack.enter_context(_file_lock(folder / PROFILE / LOCK, session))
        yield


@contextmanager
def _file_lock(path: Path, session: str) -> Iterator[None]:
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600)) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _in_use(session, path) from error
        yield


def _in_use(session: str, path: Path) -> SessionInUse:
    pids = holders(path)
    holder = f"pid {', '.join(map(str, pids))}" if pids else "in another container, or of another user"
    return SessionInUse(f"A bridge uses session {session} ({holder}). Stop it before changing its files.")


def _is_plain(path: Path) -> bool:
    return not path.is_symlink() and (path.is_dir() or path.is_file())
