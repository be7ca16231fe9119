"""What every command shares: its exit codes, which error ends in which, and how it writes to stdout and stderr.

People read stdout through rich, programs read JSON lines, errors go to stderr. `docs/cli.md` repeats the exit codes.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.contract.messages import Result


class Exit(IntEnum):
    """What a script can act on."""

    OK = 0  # done; for `send`: WhatsApp's server has the message (or the tick that was waited for is there)
    FAILED = 1  # it was refused or did not work, and the reason was printed
    USAGE = 2  # the command line, a setting or the input is wrong
    UNKNOWN = 3  # `send`: it may have left and nobody can tell; it is not repeated
    WAITING = 4  # `send`: accepted and still waiting when the time was over; it goes on without us
    NO_BRIDGE = 5  # no broker, or no bridge that answers
    NO_SUCH_SESSION = 6
    NOT_CONNECTED = 7  # `status`: at least one session is not connected
    INTERRUPTED = 130  # Ctrl-C


EXIT_HELP = (
    "Exit codes: 0 done · 1 failed · 2 wrong usage or setting · 3 outcome unknown · 4 still waiting at the time-out ·"
    " 5 no broker or bridge · 6 no such session · 7 not connected · 130 interrupted"
)

_OF_CODE = {
    "no_bridge": Exit.NO_BRIDGE,
    "no_answer": Exit.NO_BRIDGE,
    "no_broker": Exit.NO_BRIDGE,
    "broker": Exit.NO_BRIDGE,
    "broker_down": Exit.NO_BRIDGE,
    "broker_refused": Exit.NO_BRIDGE,
    "no_such_session": Exit.NO_SUCH_SESSION,
    "invalid": Exit.USAGE,
    "too_large": Exit.USAGE,
    "start": Exit.USAGE,
    "bad_cursor_file": Exit.USAGE,
}
_OF_STATUS = {"accepted": Exit.WAITING, "sent": Exit.OK, "failed": Exit.FAILED, "unknown": Exit.UNKNOWN}


def exit_of_code(code: str) -> Exit:
    """For an error that was raised."""
    return _OF_CODE.get(code, Exit.FAILED)


def exit_of_result(result: Result) -> Exit:
    """For what became of a send."""
    return _OF_STATUS[result.status]


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
