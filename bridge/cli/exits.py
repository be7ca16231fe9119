"""Exit codes of every command: the one table, and which error ends in which. `docs/cli.md` repeats it for people."""

from __future__ import annotations

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
