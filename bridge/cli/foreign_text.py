"""Foreign text for terminals and logs: it neither moves the cursor or hides anything, nor imitates another line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from typing_extensions import override

#: Controls (C0, DEL, C1), line separators, and what changes the direction of text. JSON escapes C0 itself.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_SPACES = re.compile(r"\s+")


def printable(text: str) -> str:
    """Several lines of foreign text, with control characters replaced."""
    return "".join(c if c.isprintable() or c in "\n\t\u200d" else "\ufffd" for c in text)


def one_line(text: str) -> str:
    """A name: on one line, and without the runs of spaces that separate our columns."""
    return printable(_SPACES.sub(" ", text)).strip()


def escaped(text: str) -> str:
    """A text on one line, with control characters as escape sequences, as in Python."""
    return _HIDDEN.sub(lambda found: repr(found[0])[1:-1] if found[0].isascii() else _escape(found[0]), text)


def escaped_json(document: str) -> str:
    """A JSON document, the same for a program, without characters that act on a terminal."""
    return _HIDDEN.sub(lambda found: _escape(found[0]), document)


def _escape(character: str) -> str:
    return f"\\u{ord(character):04x}"


class LogFormatter(logging.Formatter):
    """One line for each record: foreign text in its message is escaped, and a traceback is indented."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = escaped(record.message)
        return super().formatMessage(record)

    @override
    def formatException(self, ei: object) -> str:
        return "\n".join(_indented(super().formatException(ei)))  # type: ignore[arg-type]

    @override
    def formatStack(self, stack_info: str) -> str:
        return "\n".join(_indented(super().formatStack(stack_info)))


def _indented(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield f"    {escaped(line)}"
