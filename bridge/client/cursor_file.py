"""A cursor stored in a file, for readers without a database. Owns that file; knows no broker."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from bridge.client.errors import BadCursorFile
from bridge.contract.replays import Cursor


class FileCursor:
    """`load` at the start, `save` after each processed message. One reader and one stream per file."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def load(self) -> Cursor | None:
        """The stored cursor; None if there is no file yet. Raises BadCursorFile, OSError."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise self._bad() from error
        try:
            return Cursor.model_validate_json(text)
        except ValidationError as error:
            raise self._bad() from error

    def save(self, cursor: Cursor) -> None:
        """Replace the cursor, durable on return: after a power cut the file is the old one or the new one.

        Raises OSError. Costs one fsync of a file and one of its folder.
        """
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(cursor.model_dump_json() + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _bad(self) -> BadCursorFile:
        return BadCursorFile(f"{self.path} does not hold a cursor. Remove it to start from the oldest kept message.")
