"""Changes the rules file for its owner: checks a text, tries a sentence on it, and saves it with the old one kept.

`RulesFile` reads what was saved by itself, as it does after any other change of the file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from responder.errors import RulesChanged, RulesNotWritten, WrongRules
from responder.hours import written_hours
from responder.rules import QuickReply, Rules
from responder.rules_file import RulesFile
from responder.rules_text import with_section

#: Ends the name of the file that holds the text before the last change.
BACKUP = ".bak"


@dataclass(frozen=True, slots=True)
class RulesText:
    """The text in force or to be mended. `is_own`: it is a file's, and not the shipped one. `revision` names it."""

    text: str
    is_own: bool
    revision: str


class RulesEditor:
    """Every method is blocking. A text of another `revision` than the file's is not overwritten."""

    def __init__(self, file: RulesFile) -> None:
        self._file = file

    @property
    def path(self) -> Path:
        """Where the rules are, or will be once they are saved."""
        return self._file.path

    def read(self) -> RulesText:
        """The text of the file, or of the shipped rules. Raises WrongRules where it cannot be read."""
        text = self._file.text()
        return RulesText(text, self.path.exists(), _revision(text))

    def check(self, text: str) -> Rules:
        """The rules of a text. Raises WrongRules with each mistake and its line."""
        return self._file.parsed(text)

    def save(self, text: str, revision: str) -> RulesText:
        """Write the file whole. Raises WrongRules, RulesChanged, RulesNotWritten."""
        self.check(text)
        if self.read().revision != revision:
            raise RulesChanged("The rules file was changed meanwhile: load it again.")
        path = self.path.resolve()  # a link stays one
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                _replace(path.with_name(path.name + BACKUP), path.read_bytes(), like=path)
            _replace(path, text.encode(), like=path)
        except OSError as error:
            raise RulesNotWritten(f"{self.path} cannot be written: {error.strerror}.") from error
        return self.read()

    def set_hours(self, days: Sequence[str], closed_text: str, revision: str) -> RulesText:
        """Replace the hours; `days` from Monday on. All days empty: always open. Raises as `save`."""
        try:
            hours = {"open": written_hours(days), "closed_text": closed_text}
        except ValueError as error:
            raise WrongRules(str(error)) from error
        return self._set("hours", hours, revision)

    def set_templates(self, templates: Sequence[QuickReply], revision: str) -> RulesText:
        """Replace the quick replies. Raises as `save`."""
        return self._set("templates", [one.model_dump() for one in templates] or None, revision)

    def _set(self, section: str, value: Any, revision: str) -> RulesText:
        old = self.read().text
        self.check(old)
        text = with_section(old, section, value)
        if _others(text, section) != _others(old, section):
            raise WrongRules(f"{section} cannot be replaced in this file; change its text instead")
        return self.save(text, revision)


def _others(text: str, section: str) -> dict[str, Any]:
    """The file without a section."""
    return {name: value for name, value in (yaml.safe_load(text) or {"version": 1}).items() if name != section}


def _revision(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _replace(path: Path, content: bytes, *, like: Path) -> None:
    """Write a file whole or not at all, with the mode of `like`; a new one is for its user only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if like.exists():
            Path(name).chmod(like.stat().st_mode & 0o777)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
