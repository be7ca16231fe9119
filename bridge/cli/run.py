"""What every command shares: running its coroutine, exit codes, output to stdout and stderr.

Errors end in one sentence on stderr, Ctrl-C and a closed pipe end silently. People read stdout through rich, programs
read JSON lines. `docs/cli.md` repeats the exit codes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import stat
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from bridge.cli.foreign_text import LogFormatter, escaped_json, printable
from bridge.cli.terminal import is_unicode

if TYPE_CHECKING:
    from rich.console import Console

    from bridge.contract.messages import Result


class Exit(IntEnum):
    """Exit codes for scripts."""

    OK = 0  # done; for `send`: WhatsApp's server has the message (or the requested tick has arrived)
    FAILED = 1  # it was refused or failed, and the reason was printed
    USAGE = 2  # invalid command line, setting or input
    UNKNOWN = 3  # it may have been sent or carried out; the outcome is unknown and it is not repeated
    WAITING = 4  # `send`: accepted and still waiting at the timeout; the bridge continues
    NO_BRIDGE = 5  # no broker, or no bridge that answers
    NO_SUCH_SESSION = 6
    NOT_CONNECTED = 7  # `status`: at least one session is not connected
    INTERRUPTED = 130  # Ctrl-C


EXIT_HELP = (
    "Exit codes: 0 done · 1 failed · 2 wrong usage or setting · 3 outcome unknown · 4 still waiting at the time-out ·"
    " 5 no broker or bridge · 6 no such session · 7 not connected · 130 interrupted"
)

_EXIT_BY_CODE = {
    "no_bridge": Exit.NO_BRIDGE,
    "no_answer": Exit.NO_BRIDGE,
    "no_broker": Exit.NO_BRIDGE,
    "broker": Exit.NO_BRIDGE,
    "broker_down": Exit.NO_BRIDGE,
    "broker_refused": Exit.NO_BRIDGE,
    "no_such_session": Exit.NO_SUCH_SESSION,
    "outcome_unknown": Exit.UNKNOWN,
    "invalid": Exit.USAGE,
    "too_large": Exit.USAGE,
    "start": Exit.USAGE,
    "bad_cursor_file": Exit.USAGE,
}
_EXIT_BY_STATUS = {"accepted": Exit.WAITING, "sent": Exit.OK, "failed": Exit.FAILED, "unknown": Exit.UNKNOWN}


def exit_of_code(code: str) -> Exit:
    return _EXIT_BY_CODE.get(code, Exit.FAILED)


def exit_of_result(result: Result) -> Exit:
    return _EXIT_BY_STATUS[result.status]


_PYTHONS_THRESHOLDS = gc.get_threshold()
#: Of glibc's malloc.h.
_M_ARENA_MAX = -8


@contextmanager
def imports_of_a_service() -> Iterator[None]:
    """Around the imports of a process that runs long: how it uses memory is set before it has much.

    A quarter of the imports' time is garbage collection, which finds nothing then. What they made stays, so later
    collections need not look at it, and come as often as Python means them to.
    """
    _share_heaps()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*_PYTHONS_THRESHOLDS)
        gc.enable()


def collect_seldom() -> None:
    """For a command that ends at once: an eighth of its time was garbage collection, which finds nothing.

    `wa send` and its like make 60,000 objects, nearly all of them modules and classes.
    """
    gc.set_threshold(100_000)


def _share_heaps() -> None:
    """Let the threads share two heaps of the C library; what the environment sets for it stands.

    glibc gives each thread one of its own, and what is free in one is of no use to the others: 2 MB of a bridge that
    carries files (`python -m bench.media`), at the same CPU. Other C libraries have no such call.
    """
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return
    import ctypes  # half a megabyte, not for the commands that end at once

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


def run(command: Callable[[], Coroutine[Any, Any, Exit]]) -> NoReturn:
    """Run the coroutine in a new event loop, then exit with its code."""
    from bridge.contract.errors import CodedError, first_error

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    try:
        code = asyncio.run(_until_stdout_closes(command))
        sys.stdout.flush()
    except BaseException as raised:  # raised again below if it is a defect of this program
        error = first_error(raised)
        if isinstance(error, BrokenPipeError):
            _detach_stdout()
            code = Exit.OK
        elif isinstance(error, KeyboardInterrupt):
            code = Exit.INTERRUPTED
        elif isinstance(error, CodedError):
            fail(error.text)
            code = exit_of_code(error.code)
        elif isinstance(error, (ValueError, OSError)) and not isinstance(error, UnicodeError):
            fail(str(error))
            code = Exit.USAGE if isinstance(error, ValueError) else Exit.FAILED
        else:
            raise
    raise typer.Exit(code)


def fail(sentence: str) -> None:
    """Print an error to stderr: what is wrong and what to do."""
    typer.echo(f"error: {printable(sentence)}", err=True)


async def _until_stdout_closes(command: Callable[[], Coroutine[Any, Any, Exit]]) -> Exit:
    """Run the command; raise BrokenPipeError as soon as stdout has no reader.

    Otherwise `wa listen | head -1` would notice only at the next message.
    """
    working = asyncio.create_task(command(), name="command")
    loop = asyncio.get_running_loop()
    closed = asyncio.Event()
    closing = asyncio.create_task(closed.wait(), name="stdout reader")
    pipe = _stdout_pipe()
    if pipe is not None:
        # the writing end of a pipe is never readable: an event there means that its reader has closed it
        loop.add_reader(pipe, closed.set)
    try:
        await asyncio.wait([working, closing], return_when=asyncio.FIRST_COMPLETED)
    finally:
        if pipe is not None:
            loop.remove_reader(pipe)
        closing.cancel()
        working.cancel()
        await asyncio.wait([working, closing])
    if working.cancelled():
        raise BrokenPipeError
    return working.result()


def _stdout_pipe() -> int | None:
    try:
        descriptor = sys.stdout.fileno()
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    except (OSError, ValueError, AttributeError):
        return None


def _detach_stdout() -> None:
    """Python flushes stdout again at exit and would report the broken pipe then."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def console() -> Console:
    """A console on the current stdout: colours and a width only on a terminal."""
    from rich.console import Console

    return Console(soft_wrap=True)


def print_json_line(line: str) -> None:
    """Print one JSON document and flush, so that the reader gets it immediately."""
    if not is_unicode():
        line = json.dumps(json.loads(line))
    sys.stdout.write(escaped_json(line) + "\n")
    sys.stdout.flush()


def clock_time(moment: datetime) -> str:
    """Local time; with the date if it is not today."""
    local = moment.astimezone()
    today = datetime.now(UTC).astimezone().date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M")
