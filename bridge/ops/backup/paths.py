"""A session's files on disk: which a backup includes, and locks that keep bridges off them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from bridge.contract.errors import CodedError
from bridge.ports import LoginFiles
from bridge.store import StoreBusy
from bridge.store.inspection import holders
from bridge.store.online_copy import held

STORE = "store.db"


class SessionInUse(CodedError):
    """A bridge uses the session's files."""

    code = "session_in_use"


def timestamp(moment: datetime) -> str:
    """`20261124T050000Z`, for file names; `moment` is in UTC."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


@contextmanager
def locked_session(folder: Path, session: str, login: LoginFiles | None) -> Iterator[None]:
    """Hold the locks of store and login, so that no bridge can open them. Raises `SessionInUse`."""
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder / STORE))
        except StoreBusy as error:
            raise _in_use(session, folder / STORE) from error
        if login is not None and (folder / login.folder).is_dir():
            stack.enter_context(_file_lock(folder / login.folder / login.lock, session))
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
