"""`wa` in a process that is forked from one that has loaded it: 20 ms of CPU in place of the 300 of a start.

It is a process like any other, with its own arguments, environment, folder and standard streams. Tests of the start
itself use the fixture `start`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.reduction import DupFd
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import bridge.cli

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])
#: A command imports what it needs when it runs.
_LOADED = ("typer._adapters", "rich.progress", "rich.table", "httpx", "bridge.app", "campaigns.app", "responder.app")
for _name in (*_LOADED, *(f"bridge.cli.{found.name}" for found in iter_modules(bridge.cli.__path__))):
    if not _name.endswith("__main__"):
        import_module(_name)


@dataclass(frozen=True, slots=True)
class CompletedCommand:
    """Exit code and output of a program."""

    code: int
    out: str
    err: str


async def run_forked(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *, stdin: bytes = b"", limit: float = 30.0
) -> CompletedCommand:
    """Run `wa` in the folder until it exits. Raises TimeoutError after `limit` seconds; the process is killed then."""
    ends = [os.pipe() for _ in range(3)]
    (its_stdin, to_stdin), (from_stdout, its_stdout), (from_stderr, its_stderr) = ends
    theirs = (its_stdin, its_stdout, its_stderr)
    streams = [DupFd(descriptor) for descriptor in theirs]
    process = _FORKS.Process(target=_wa, args=(list(arguments), dict(environment), str(folder), streams))
    await asyncio.to_thread(process.start)
    for descriptor in theirs:
        os.close(descriptor)
    try:
        async with asyncio.timeout(limit):
            _, out, err = await asyncio.gather(
                asyncio.to_thread(_write, to_stdin, stdin),
                asyncio.to_thread(_read, from_stdout),
                asyncio.to_thread(_read, from_stderr),
            )
            await asyncio.to_thread(process.join)
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
    assert process.exitcode is not None
    return CompletedCommand(process.exitcode, out.decode(errors="replace"), err.decode(errors="replace"))


def _write(descriptor: int, data: bytes) -> None:
    with open(descriptor, "wb") as pipe:
        pipe.write(data)


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as pipe:
        return pipe.read()


def _wa(arguments: list[str], environment: dict[str, str], folder: str, streams: list[Any]) -> None:
    for descriptor, duplicate in enumerate(streams):
        os.dup2(duplicate.detach(), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    sys.stdin, sys.stdout = os.fdopen(0, encoding=encoding), os.fdopen(1, "w", encoding=encoding)
    sys.stderr = os.fdopen(2, "w", encoding=encoding, errors="backslashreplace")
    sys.argv = ["wa", *arguments]
    bridge.cli.main()
