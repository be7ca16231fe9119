"""Which stored files the sessions of a data directory still refer to. Reads the files, also while a bridge runs."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bridge.contract.lifecycle import FINAL
from bridge.ports import StoreUnusable
from bridge.store import files
from bridge.store.errors import translated
from bridge.store.redaction import ErasedPerson

_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class References:
    """SHA-256 of files: of messages and profile pictures by session, of commands, of commands still to be sent."""

    messages: Mapping[str, frozenset[str]] = field(default_factory=dict)
    commands: frozenset[str] = frozenset()
    open_commands: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        """Every file that something refers to."""
        return self.commands.union(*self.messages.values())

    def users(self, sha256: str) -> set[str]:
        """The sessions with a message or a picture that has this file."""
        return {session for session, found in self.messages.items() if sha256 in found}

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self.commands or any(sha256 in found for found in self.messages.values())


def references(sessions: Path) -> References:
    """What the stores in the folder of sessions refer to.

    Raises `StoreUnusable` if one cannot be read, and while one is kept aside as damaged: what it refers to is needed
    once it is restored.
    """
    messages: dict[str, frozenset[str]] = {}
    commands: frozenset[str] = frozenset()
    still_open: frozenset[str] = frozenset()
    for folder in sorted(sessions.glob("*")):
        path = folder / "store.db"
        if not path.exists():
            if kept := files.kept_aside(path):
                raise StoreUnusable(
                    f"{kept[-1]} is damaged: what it refers to is not known. Restore or reset the store."
                )
            continue
        found = references_of(path)
        messages |= found.messages
        commands |= found.commands
        still_open |= found.open_commands
    return References(messages, commands, still_open)


def references_of(path: Path) -> References:
    """What one store refers to; its session is named after its folder. Raises `StoreUnusable`."""
    messages: frozenset[str] = frozenset()
    commands: set[str] = set()
    still_open: set[str] = set()
    connection = _opened(path)
    try:
        found = connection.execute(
            "SELECT sha256 FROM media WHERE sha256 IS NOT NULL AND state IN ('ready', 'pending')"
        )
        pictures = connection.execute("SELECT sha256 FROM pictures") if _has_pictures(connection) else ()
        messages = frozenset(sha256 for (sha256,) in (*found, *pictures))
        for content, is_open in connection.execute("SELECT content, open FROM commands WHERE content LIKE '%sha256%'"):
            named = _SHA256.findall(content)
            commands.update(named)
            still_open.update(named if is_open else ())
    except sqlite3.OperationalError as error:
        if "no such" not in str(error):  # a store of an earlier version has no files
            raise translated(error, path) from error
    except sqlite3.Error as error:
        raise translated(error, path) from error
    finally:
        connection.close()
    return References({path.parent.name: messages}, frozenset(commands), frozenset(still_open))


def files_of(path: Path, person: ErasedPerson) -> set[str]:
    """The files of messages with a person, and of final commands to them, in a session's store.

    Raises `StoreUnusable`.
    """
    connection = _opened(path)
    try:
        found = connection.execute("SELECT sha256, message_id, chat FROM media WHERE sha256 IS NOT NULL").fetchall()
        if _has_pictures(connection):
            found += connection.execute("SELECT sha256, contact FROM pictures").fetchall()
        sent = [
            (sha256, *whose)
            for content, state, *whose in connection.execute(
                "SELECT content, state, \"to\", chat, message_id, topic FROM commands WHERE content LIKE '%sha256%'"
            )
            if state in FINAL
            for sha256 in _SHA256.findall(content)
        ]
        return {sha256 for sha256, *whose in (*found, *sent) if any(map(person.is_named_in, whose))}
    except sqlite3.OperationalError:
        return set()
    finally:
        connection.close()


def _has_pictures(connection: sqlite3.Connection) -> bool:
    """Whether the store is of a version that keeps them."""
    return bool(connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'pictures'").fetchone())


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return files.connect(path, read_only=True)
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path} cannot be read: {error}.") from error
