"""Standard output and error that take any text, whatever the terminal's encoding.

A command that has done its work must not fail at a tick that Latin-1 does not have: its exit code says what was done.
"""

from __future__ import annotations

import codecs
import io
import sys

_ERRORS = "wa-terminal"
_ASCII = {"✓": "+", "✗": "x", "●": "*", "→": "->", "…": "...", "·": "-", "─": "-", "│": "|", "—": "-", "–": "-"}


def replace_what_cannot_be_encoded() -> None:
    """Write ASCII for the signs that commands use, and `?` for other characters that the encoding does not have."""
    codecs.register_error(_ERRORS, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def is_unicode() -> bool:
    """Whether standard output takes every character."""
    return codecs.lookup(sys.stdout.encoding or "ascii").name.startswith("utf")


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_ASCII.get(sign, "?") for sign in error.object[error.start : error.end]), error.end
