"""The rules file: read at the start, and again whenever it has changed. Owns nothing but the newest good rules."""

from __future__ import annotations

import asyncio
import logging
from importlib import resources
from pathlib import Path

from responder.errors import WrongRules
from responder.faults import FaultLog
from responder.rules import Rules, parse_rules

_log = logging.getLogger(__name__)
#: Seconds between two looks at the file while nobody writes: who has just saved it is still there to hear of a mistake.
LOOK = 2.0
#: The faults of a file that changed: it cannot be taken over, and it can again.
BROKEN, MENDED = "rules_broken", "rules_mended"


class RulesFile:
    """`load` at the start, then `rules`. Without a path, the rules that are shipped."""

    def __init__(self, path: Path | None, faults: FaultLog) -> None:
        self._path = path
        self._faults = faults
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

    async def watch(self) -> None:
        """Look at the file until cancelled."""
        while self._path is not None:
            self._look()
            await asyncio.sleep(LOOK)

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
            self._faults.note(BROKEN, "rules", f"{error.text} The rules from before stay in force.")
        else:
            if self._fault is not None:
                self._faults.mended(MENDED, "rules", f"{self._path} is in force again.")
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
