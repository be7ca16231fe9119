"""The schema's version: brings a database to the newest one in numbered steps, and refuses one from the future.

Each step is a file `migrations/<number>_<name>.sql` and one transaction; a step that was released is never edited.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from importlib.resources import files

from bridge.contract.jid import canonical_address
from bridge.ports import StoreUnusable

#: Marks a database as the bridge's ("WaSt"), so that another program's is not taken for a store.
APPLICATION_ID = 0x57615374


def migrations(folder: str = "migrations") -> list[str]:
    """The SQL of every step in a folder, in order: the first one leads to version 1."""
    steps = [step for step in (files(__package__) / folder).iterdir() if step.name.endswith(".sql")]
    return [step.read_text(encoding="utf-8") for step in sorted(steps, key=lambda step: step.name)]


def version(connection: sqlite3.Connection) -> int:
    """The schema version of a database; 0 = empty."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def is_ours(connection: sqlite3.Connection) -> bool:
    """Whether this database is a store of the bridge."""
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    return bool(mark == APPLICATION_ID)


def migrate(connection: sqlite3.Connection, steps: Sequence[str]) -> None:
    """Run the missing steps.

    Raises `StoreUnusable` for a schema newer than the newest step, and `sqlite3.Error` for a failed step, which is
    rolled back.
    """
    present = version(connection)
    if present > len(steps):
        raise StoreUnusable(
            f"It was written by a newer bridge (schema {present}, this one knows {len(steps)}). Update the bridge."
        )
    connection.create_function("canonical_address", 1, canonical_address, deterministic=True)
    for number, step in enumerate(steps[present:], present + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{step}\nPRAGMA application_id = {APPLICATION_ID};"
                f"\nPRAGMA user_version = {number};\nCOMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            raise
