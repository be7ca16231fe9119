"""The folder of a SQLite database: for its owner alone, made so and mended where it is not."""

from __future__ import annotations

from pathlib import Path

from responder.errors import WrongSettings

#: What SQLite keeps beside a database takes over its mode.
_ENDINGS = ("", "-wal", "-shm")


def make_private(database: Path) -> None:
    """Make the folder if it is missing, and the database, and close both to others. Raises OSError, WrongSettings."""
    folder = database.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database.touch(mode=0o600)
    for path in (folder, *(database.with_name(database.name + ending) for ending in _ENDINGS)):
        if path.exists() and path.stat().st_mode & 0o077:
            try:
                path.chmod(0o700 if path is folder else 0o600)
            except PermissionError as error:
                raise WrongSettings(
                    f"Other users can read {path}, which holds conversations, and it is not ours to change."
                    f" Give it to this user, or name another folder in WA_DATA_DIR."
                ) from error
