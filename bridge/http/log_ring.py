"""The newest lines of this process's log, in memory, for the panel and `/v1/log`.

DEBUG is left out at any level of the log: it has the bodies of messages. Secrets that the program knows are replaced,
and so is what looks like one; numbers are shown by their last four digits. This is done when a line is read: each
message writes one, and few of them are ever read.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from typing_extensions import override

from bridge.contract.jid import mask

#: Lines, and characters of all of them, whichever is reached first: about 2 MB of memory at most.
MOST_LINES, MOST_TEXT = 2_000, 1_000_000
#: Characters of one line and of its traceback, whose end says what happened.
LONGEST, LONGEST_TRACEBACK = 2_000, 4_000
HIDDEN = "***"
#: Secrets that this process need not know: keys of callers, credentials in URLs, tokens.
_SECRETS = re.compile(r"wak_[0-9a-f]{12}_[0-9a-f]+|\bsk-[\w-]{8,}|(?<=://)[^/@\s]+(?=@)|\beyJ[\w-]+\.[\w-]+\.[\w-]+")
_NUMBER = re.compile(r"(?<![\w-])\+?\d{10,15}(?![\w-])")
_FIRST_WORD = re.compile(r"([A-Za-z0-9_-]{1,64}): ")
#: Shorter texts would hide parts of ordinary words.
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class LogLine:
    """`number` grows from line to line, also over a restart. `session` is the one it is about, where one is named."""

    number: int
    at: float
    level: str
    logger: str
    message: str
    session: str | None = None
    trace: str | None = None
    exception: str | None = None


@dataclass(slots=True)
class _Entry:
    """A line as it was written, and as it is shown after its first read."""

    number: int
    at: float
    level: int
    logger: str
    message: str
    session: object
    trace: str | None
    exception: str | None
    shown: LogLine | None = None

    @property
    def size(self) -> int:
        return len(self.message) + len(self.logger) + len(self.exception or "")


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines in their order. `next`: the number after which the next page begins; `lost`: older ones were dropped."""

    lines: list[LogLine]
    next: int
    lost: bool


class LogRing(logging.Handler):
    """A handler of the root logger. Lines come from any thread."""

    def __init__(self, *, most_lines: int = MOST_LINES, most_text: int = MOST_TEXT) -> None:
        super().__init__(logging.INFO)
        self._entries: deque[_Entry] = deque()
        self._most_lines, self._most_text = most_lines, most_text
        self._text = 0
        self._number = int(time.time() * 1000)
        self._first = self._number
        self._secrets: list[str] = []
        self._changing = threading.Lock()

    def hide(self, secrets: Iterable[str]) -> None:
        """Replace these texts in every line that was not read yet."""
        known = {*self._secrets, *(one for one in secrets if len(one) >= _SHORTEST_SECRET)}
        self._secrets = sorted(known, key=len, reverse=True)  # a secret may be a part of another one

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            message, exception = record.getMessage(), None
            if len(message) > LONGEST:  # no part of a secret may be left where it is cut
                message = self._without_secrets(message)[:LONGEST]
            if record.exc_info:
                formatter = self.formatter or logging.Formatter()
                exception = self._without_secrets(formatter.formatException(record.exc_info))[-LONGEST_TRACEBACK:]
        except Exception:  # noqa: BLE001 - as every handler: a wrong line must not end its caller
            self.handleError(record)
            return
        with self._changing:
            self._number += 1
            entry = _Entry(
                self._number,
                record.created,
                record.levelno,
                record.name,
                message,
                getattr(record, "session", None),
                getattr(record, "trace", None),
                exception,
            )
            self._entries.append(entry)
            self._text += entry.size
            while len(self._entries) > self._most_lines or (self._text > self._most_text and len(self._entries) > 1):
                self._first = self._entries[0].number
                self._text -= self._entries.popleft().size

    def page(
        self,
        *,
        after: int,
        limit: int,
        level: int = logging.INFO,
        session: str | None = None,
        text: str = "",
        sessions: Collection[str] | None = None,
    ) -> LogPage:
        """The newest `limit` lines after the number `after` that pass the filters.

        `text` is searched without case in line, logger and traceback; of `sessions`: only lines about one of these.
        """
        with self._changing:
            entries, newest, first = list(self._entries), self._number, self._first
        found: list[LogLine] = []
        for entry in reversed(entries):
            if entry.number <= after or len(found) == limit:
                break
            if entry.level < level:
                continue
            entry.shown = entry.shown or self._line(entry)
            if _passes(entry.shown, session, text.casefold(), sessions):
                found.append(entry.shown)
        return LogPage(found[::-1], newest, lost=0 < after < first)

    def _line(self, entry: _Entry) -> LogLine:
        message = self._without_secrets(entry.message)
        return LogLine(
            entry.number,
            entry.at,
            logging.getLevelName(entry.level),
            entry.logger,
            message,
            _session_of(entry.session, message),
            entry.trace,
            entry.exception,
        )

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _NUMBER.sub(lambda number: mask(number[0]), _SECRETS.sub(HIDDEN, text))


def _passes(line: LogLine, session: str | None, text: str, sessions: Collection[str] | None) -> bool:
    if session is not None and line.session != session:
        return False
    if sessions is not None and line.session not in sessions:
        return False
    return not text or any(text in part.casefold() for part in _parts(line))


def _parts(line: LogLine) -> Iterator[str]:
    yield from (line.message, line.logger, line.exception or "", line.trace or "")


def _session_of(named: object, message: str) -> str | None:
    """Named as such, or the first word of the line, as most lines about a session are written."""
    if named is not None:
        return str(named)
    first = _FIRST_WORD.match(message)
    return first[1] if first else None
