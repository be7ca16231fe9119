"""Runs a command's coroutine and ends it well: errors in one sentence, Ctrl-C and a closed pipe in silence."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import typer

from bridge.cli.run import Exit, exit_of_code


def run(command: Callable[[], Coroutine[Any, Any, Exit]]) -> NoReturn:
    """Run it in a loop of its own and leave with its exit code."""
    from bridge.contract.errors import CodedError

    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        code = asyncio.run(_unless_the_reader_leaves(command))
        sys.stdout.flush()
    except BaseException as raised:  # sorted out below, and raised again where it is a fault of ours
        error = _first(raised)
        if isinstance(error, BrokenPipeError):
            _let_go_of_stdout()
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
    """Say on stderr what is wrong and what to do."""
    typer.echo(f"error: {sentence}", err=True)


async def _unless_the_reader_leaves(command: Callable[[], Coroutine[Any, Any, Exit]]) -> Exit:
    """Run the command; raise BrokenPipeError as soon as nobody reads stdout any more.

    `wa listen | head -1` would otherwise wait for the next message to find that out.
    """
    working = asyncio.create_task(command(), name="command")
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    leaving = asyncio.create_task(gone.wait(), name="reader of stdout")
    pipe = _stdout_pipe()
    if pipe is not None:
        # the writing end of a pipe is never readable: an event there is the end of its reader
        loop.add_reader(pipe, gone.set)
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        if pipe is not None:
            loop.remove_reader(pipe)
        leaving.cancel()
        working.cancel()
        await asyncio.wait([working, leaving])
    if working.cancelled():
        raise BrokenPipeError
    return working.result()


def _stdout_pipe() -> int | None:
    try:
        number = sys.stdout.fileno()
        return number if stat.S_ISFIFO(os.fstat(number).st_mode) else None
    except (OSError, ValueError, AttributeError):
        return None


def _let_go_of_stdout() -> None:
    """Python flushes stdout once more at its end, and would complain of the pipe then."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
