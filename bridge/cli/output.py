"""How commands speak: people read stdout through rich, programs read JSON lines, errors go to stderr."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """A console on stdout as it is now: colours and width only where a person reads it."""
    from rich.console import Console

    return Console(soft_wrap=True)


def print_json_line(line: str) -> None:
    """One JSON document, at once in the reader's hands."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def clock_time(moment: datetime) -> str:
    """Local time, with the day when it is not today."""
    local = moment.astimezone()
    today = datetime.now(UTC).astimezone().date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M")


def printable(text: str) -> str:
    """Somebody else's text for a terminal: control characters, which could move the cursor or hide text, are shown."""
    return "".join(c if c.isprintable() or c in "\n\t\u200d" else "\ufffd" for c in text)
