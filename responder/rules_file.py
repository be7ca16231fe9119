"""The rules file: read at the start, and again whenever it has changed. Owns nothing but the newest good rules."""

from __future__ import annotations

import logging
from importlib import resources
from pathlib import Path

from responder.errors import WrongRules
from responder.rules import Rules, parse_rules

_log = logging.getLogger(__name__)


class RulesFile:
    """`load` at the start, then `rules`. Without a path, the rules that are shipped."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._rules = Rules(version=1)
        self._fault: str | None = None

    def load(self) -> None:
        """Read for the first time. Raises WrongRules."""
        if self._path is None:
            self._rules = parse_rules((resources.files("responder") / "rules/default.yaml").read_text("utf-8"))
            return
        self._seen = self._state()
        self._rules = self._read(self._path)

    @property
    def rules(self) -> Rules:
        """The newest rules that could be read."""
        self._look()
        return self._rules

    @property
    def fault(self) -> str | None:
        """What is wrong with the file as it is now; the rules are then those from before."""
        self._look()
        return self._fault

    def _look(self) -> None:
        """Read the file if it has changed."""
        if self._path is None or (state := self._state()) == self._seen:
            return
        self._seen = state
        try:
            self._rules = self._read(self._path)
        except WrongRules as error:
            self._fault = error.text
            _log.error("%s The rules from before stay in force.", error.text)
        else:
            self._fault = None
            _log.info("%s: %d rules.", self._path, len(self._rules.rules))

    def _state(self) -> tuple[int, int, int] | None:
        assert self._path is not None  # noqa: S101 - asked only where there is one
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _read(self, path: Path) -> Rules:
        try:
            return parse_rules(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise WrongRules(f"{path} cannot be read: {error}.") from error
        except WrongRules as error:
            raise WrongRules(f"{path}: {error.text}.") from error
