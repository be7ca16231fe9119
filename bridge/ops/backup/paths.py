"""Where a session lives on disk, what of it is worth keeping, and whether somebody uses it."""

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
#: Folders that Chromium fills again by itself. They are most of a profile's size; a login is not in them.
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
#: Locks and addresses of one run.
OF_ONE_RUN = frozenset({LOCK, "DevToolsActivePort", "SingletonCookie", "SingletonLock", "SingletonSocket"})


class SessionInUse(CodedError):
    """A bridge uses the session's files."""

    code = "session_in_use"


def left_out(folder: str, names: list[str]) -> set[str]:
    """What of a profile is not copied; for `shutil.copytree`."""
    return {name for name in names if name in CACHES or name in OF_ONE_RUN or not _is_plain(Path(folder) / name)}


def stamp(moment: datetime) -> str:
    """A moment as part of a file name, in UTC."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


@contextmanager
def out_of_use(folder: Path, session: str) -> Iterator[None]:
    """Keep bridges off the session's files: they find store and profile locked. Raises `SessionInUse`."""
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder / STORE))
        except StoreBusy as error:
            raise _in_use(session, folder / STORE) from error
        if (folder / PROFILE).is_dir():
            stack.enter_context(_locked(folder / PROFILE / LOCK, session))
        yield


@contextmanager
def _locked(path: Path, session: str) -> Iterator[None]:
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600)) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _in_use(session, path) from error
        yield


def _in_use(session: str, path: Path) -> SessionInUse:
    pids = holders(path)
    who = f"pid {', '.join(map(str, pids))}" if pids else "of another container or user"
    return SessionInUse(f"A bridge uses session {session} ({who}). Stop it first: its files are to be changed.")


def _is_plain(path: Path) -> bool:
    return not path.is_symlink() and (path.is_dir() or path.is_file())
