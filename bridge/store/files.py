"""The files of a store: creates them, checks them before use, keeps damaged ones aside.

Refuses to create an empty store where one was or should be: the operator has to know what is lost.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import uuid4

from bridge.ports import StoreUnusable
from bridge.store import schema, soundness
from bridge.store.errors import StoreDamaged, translated

#: SQLite's files beside the database; without its -wal the last commits may be missing.
COMPANIONS = ("-wal", "-shm")
_KEPT = ".corrupt-"


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A store that may be used, and the connection to write with, which keeps its -wal in being.

    `incomplete`: the newest commits may be missing, since the -wal is. `checked`: known to be sound; else nothing may
    be committed before a check of the whole file.
    """

    connection: sqlite3.Connection
    incomplete: bool
    checked: bool


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the settings that the store's guarantees need; used by one thread at a time."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        # FULL: in WAL mode anything less may lose the last commits at a power failure, after they were published.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Deleted content is overwritten in the file: retention and `wa forget` promise it.
        connection.execute("PRAGMA secure_delete = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def prepare(path: Path, at: float, steps: Sequence[str], *, check_later: bool = False) -> PreparedFile:
    """Make sure that a store of the newest schema is at `path`, private to its owner.

    It is known to be sound by the mark of its last close, else by a check of the whole file. `check_later`: leave that
    check to the caller where the last end was a kill, after which the file only has to be read.

    Raises `StoreDamaged` for one that is not sound, `StoreUnusable` for one that cannot be used for another reason.
    """
    _prepare_folder(path.parent)
    try:
        incomplete = path.is_file() and lacks_wal(path)
        if not path.exists():
            _refuse_silent_start(path)
            _create(path, at, steps)
        connection, checked = _open_sound(path, steps, check_later=check_later and not incomplete)
        return PreparedFile(connection, incomplete, checked)
    except StoreUnusable:
        raise
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be used: {error.strerror}.") from error
    except sqlite3.Error as error:
        known = translated(error, path)
        raise (StoreDamaged(f"{path} is damaged: {error}.") if known is error else known) from error


def close(connection: sqlite3.Connection, path: Path) -> bool:
    """Close the last connection and leave WAL mode, by which the next start sees that the file is complete.

    Returns whether that was possible.
    """
    left = False
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        left = connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    except sqlite3.Error:
        pass  # another process has it open; everything is in the -wal, where the next start finds it
    finally:
        connection.close()
        _keep_wal(path)
    return left


def _keep_wal(path: Path) -> None:
    """SQLite removes the -wal at a close, even where the mode could not be changed: that must not look like a loss."""
    try:
        if lacks_wal(path):
            path.with_name(f"{path.name}-wal").touch(mode=0o600)
    except OSError:
        pass  # at worst a new epoch begins: everything is published again, and nothing is lost


def lacks_wal(path: Path) -> bool:
    """Whether the file was left in WAL mode, as by a kill (bytes 18 and 19 of its header), and its -wal is gone."""
    return _in_wal_mode(path) and not path.with_name(f"{path.name}-wal").exists()


def _in_wal_mode(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.read(20)
    return header[18:20] == b"\x02\x02"


def keep_aside(path: Path, *, at: datetime | None = None) -> Path:
    """Rename a damaged store with its companions to `<name>.corrupt-<UTC time>` and return the new name.

    As long as that file exists and no store does, the session does not start with an empty one. The store must be
    closed. Raises `StoreUnusable` when it cannot be renamed.
    """
    moment = (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept = path.with_name(f"{path.name}{_KEPT}{moment}")
    count = 1
    while kept in kept_aside(path):
        count += 1
        kept = path.with_name(f"{path.name}{_KEPT}{moment}-{count}")
    # The database first: a crash in between leaves no store, which is refused; one without its -wal would pass.
    try:
        for ending in ("", *COMPANIONS):
            source = path.with_name(path.name + ending)
            if source.exists():
                source.rename(kept.with_name(kept.name + ending))
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreUnusable(f"{path} is damaged and cannot be kept as {kept.name}: {error.strerror}.") from error
    return kept


def kept_aside(path: Path) -> list[Path]:
    """Damaged stores that were kept aside here, oldest first."""
    endings = re.compile(f"({'|'.join(COMPANIONS)})$")
    return sorted({file.with_name(endings.sub("", file.name)) for file in path.parent.glob(f"{path.name}{_KEPT}*")})


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise StoreUnusable(
            f"The folder {folder} cannot be used ({error.strerror}). Make it writable, or name another in WA_DATA_DIR."
        ) from error


def _refuse_silent_start(path: Path) -> None:
    wal = path.with_name(path.name + "-wal")
    # SQLite would delete it, and with it committed messages.
    if wal.exists() and wal.stat().st_size:
        raise StoreDamaged(f"{path} is missing, but {wal.name} exists.")
    if kept := kept_aside(path):
        names = f"{path.name}{_KEPT}*"
        raise StoreUnusable(
            f"{path} was damaged and is kept as {kept[-1].name}. To continue, restore a backup in its place,"
            f" or move {names} out of {path.parent} to begin with an empty store."
        )


def _create(path: Path, at: float, steps: Sequence[str]) -> None:
    """Build the store under another name: a file called `path` is complete even after a power failure."""
    new = path.with_name(f"{path.name}.new")
    for ending in ("", *COMPANIONS):
        new.with_name(new.name + ending).unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = connect(new)
    try:
        with closing(sqlite3.connect(":memory:")) as empty:
            empty.deserialize(_empty(tuple(steps)))
            empty.backup(connection)
        connection.execute("INSERT INTO store (epoch, created_at) VALUES (?, ?)", (str(uuid4()), at))
    finally:
        close(connection, new)
    new.rename(path)
    _sync_folder(path.parent)


@cache
def _empty(steps: tuple[str, ...]) -> bytes:
    """A database after all steps. Run in memory, once: on the disk each step costs a commit of its own."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        schema.migrate(connection, steps)
        return connection.serialize()


def _open_sound(path: Path, steps: Sequence[str], *, check_later: bool) -> tuple[sqlite3.Connection, bool]:
    if not path.is_file():
        raise StoreDamaged(f"{path} is not a file.")
    if not path.stat().st_size:
        raise StoreDamaged(f"{path} is empty. A store never is: its content is lost.")
    marked = soundness.take_mark(path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    killed = _in_wal_mode(path)
    connection = connect(path)
    try:
        # before anything is written to it, a step of the schema above all
        checked = not (check_later and killed and schema.version(connection) == len(steps))
        if checked and not marked:
            soundness.check(connection, path)
        if not schema.is_ours(connection):
            raise StoreDamaged(f"{path} is a database of another program, not a store of this bridge.")
        connection.execute("BEGIN IMMEDIATE")  # a read-only file fails here, not at the first message
        connection.execute("ROLLBACK")
        _migrate(connection, path, steps)
        if connection.execute("SELECT count(*) FROM store").fetchone() != (1,):
            raise StoreDamaged(f"{path} is damaged: it has no epoch.")
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise StoreUnusable(f"{path} cannot be used: its file system has no shared memory for SQLite's WAL mode.")
        connection.execute("SELECT count(*) FROM store").fetchone()  # the first read in WAL mode creates the -wal
    except BaseException:
        had_wal = not lacks_wal(path)
        connection.close()
        if had_wal:
            _keep_wal(path)
        raise
    return connection, checked


def _migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[str]) -> None:
    try:
        schema.migrate(connection, steps)
    except StoreUnusable as error:
        raise StoreUnusable(f"{path} cannot be used. {error}") from error
    except sqlite3.Error as error:
        known = translated(error, path)
        if known is not error:
            raise known from error
        raise StoreUnusable(
            f"{path} cannot be brought to the schema of this bridge ({error}). It is unchanged:"
            " the bridge that wrote it can still use it."
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
