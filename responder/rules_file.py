"""The rules file: read at the start and again after each change. Keeps the last rules that could be read."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from importlib import resources
from pathlib import Path

from responder.errors import WrongRules
from responder.faults import FaultLog
from responder.file_answers import FileFolder, sha256_of
from responder.rules import Rules, RulesHours, parse_rules

_log = logging.getLogger(__name__)
#: Seconds between two checks of the file while no message arrives: its author learns of a mistake right after saving.
CHECK = 2.0
#: Codes of the fault of a changed file that cannot be used, and of its recovery.
BROKEN, RECOVERED = "rules_broken", "rules_mended"
#: Code of the fault of an expression that takes too long on a text.
SLOW = "rules_slow"


class RulesFile:
    """`load` at the start, then `rules`. An `optional` file need not exist: without it the shipped rules count.

    `texts_only`: no answer may be a file.
    """

    def __init__(self, path: Path, faults: FaultLog, *, optional: bool = False, texts_only: bool = False) -> None:
        self.path = path
        self._optional = optional
        self._texts_only = texts_only
        self._named: set[Path] = set()
        self._paths: dict[str, Path] = {}
        self._faults = faults
        self._seen: list[tuple[int, int, int] | None] = []
        self._rules = Rules(version=1)
        self._fault: str | None = None
        self._slow: set[str] = set()

    def load(self) -> None:
        """Read for the first time. Raises WrongRules."""
        before = _version(self.path)
        self._rules = self._read()
        self._seen = self._version(before)

    async def watch(self) -> None:
        """Check the file repeatedly until cancelled."""
        while True:
            self._check()
            await asyncio.sleep(CHECK)

    @property
    def rules(self) -> Rules:
        """The last rules that could be read."""
        self._check()
        return self._rules

    @property
    def fault(self) -> str | None:
        """What is wrong with the present file; the previous rules then stay in force."""
        self._check()
        return self._fault

    def too_slow(self, expression: str) -> None:
        """Note, once for each version of the file, that an expression did not end in time."""
        if expression not in self._slow:
            self._slow.add(expression)
            self._faults.note(
                SLOW,
                "rules",
                f"The expression {expression!r:.200} takes too long on some texts. In `matches`, neither it nor a"
                " later one then matches; in `forbidden`, it forbids the answer. Write it without repetitions inside"
                " repetitions, such as (a+)+.",
            )

    def path_of(self, sha256: str) -> Path | None:
        """A file that an answer names, or named; None if it has other bytes by now. Blocking."""
        with suppress(OSError, KeyError):
            path = self._paths[sha256]
            return path if sha256_of(path) == sha256 else None
        return None

    def text(self) -> str:
        """The text of the file, or of the shipped rules. Raises WrongRules."""
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            if self._optional:
                return (resources.files("responder") / "rules/default.yaml").read_text("utf-8")
            raise WrongRules(f"{self._name} cannot be read: {error.strerror}.") from error
        except OSError as error:
            raise WrongRules(f"{self._name} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise WrongRules(f"{self._name} is not UTF-8; save it with that encoding.") from error

    def parsed(self, text: str) -> Rules:
        """The rules of a text from HTTP that may become the file's. Raises WrongRules."""
        return parse_rules(text, replace(self._files(), known=frozenset(self._named)))

    @property
    def _name(self) -> str:
        return f"{self.path}" if self._optional else f"RESPONDER_RULES: {self.path}"

    def _files(self) -> FileFolder:
        refused = "MASSIVE_SENDER_URL: the legacy sender sends texts only"
        return FileFolder(None, refused) if self._texts_only else FileFolder(self.path.parent)

    def _read(self) -> Rules:
        files = self._files()
        try:
            return parse_rules(self.text(), files)
        except WrongRules as error:
            if error.text.startswith(self._name):
                raise
            raise WrongRules(f"{self._name}: {error.text}.", error.mistakes) from error
        finally:
            self._named = files.named
            self._paths |= files.paths

    def _version(self, of_rules: tuple[int, int, int] | None) -> list[tuple[int, int, int] | None]:
        """Changes with the file, whose own version this is, and with those that its answers name."""
        return [of_rules, *map(_version, sorted(self._named))]

    def _check(self) -> None:
        """Read the file if it has changed."""
        if (version := self._version(_version(self.path))) == self._seen:
            return
        self._slow.clear()
        try:
            self._rules = self._read()
        except WrongRules as error:
            self._seen = self._version(version[0])
            self._fault = error.text
            self._faults.note(BROKEN, "rules", f"{error.text} The previous rules stay in force.")
        else:
            self._seen = self._version(version[0])
            if self._fault is not None:
                self._faults.recovered(RECOVERED, "rules", f"{self.path} is in force again.")
            self._fault = None
            _log.info("%s: %d rules.", self.path, len(self._rules.rules))


def hours_of_file(path: Path) -> RulesHours | None:
    """The hours in a rules file; None without a file or without hours, and in one that cannot be used."""
    try:
        return parse_rules(path.read_text(encoding="utf-8"), FileFolder(path.parent)).hours
    except (OSError, UnicodeDecodeError, WrongRules):  # the start says what is wrong with it
        return None


def _version(path: Path) -> tuple[int, int, int] | None:
    """Changes with the file; None if it cannot be found."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
