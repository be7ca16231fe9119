"""Python programs in processes that are forked from one that has loaded the product: 20 ms of CPU, a start takes 500.

Each is a process like any other, with its own arguments, environment, folder and standard streams, and ends with the
process of the tests. A command line is that of `wa` (`wa bridge`), of the interpreter (`-c CODE`), or a script's path.
Tests of the start itself use the fixture `start`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from multiprocessing.connection import Connection, wait
from pathlib import Path
from subprocess import STDOUT, TimeoutExpired
from types import ModuleType

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "tests.preloaded"])
#: A start looks at all other processes, too; two threads that look at one at once lose its exit code.
_LOCK = threading.Lock()
_PR_SET_PDEATHSIG = 1


class ForkedProgram:
    """A running program. A stream that is None is /dev/null; another one is the caller's to close."""

    def __init__(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        folder: Path,
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> None:
        with ExitStack() as stack:
            null = stack.enter_context(Path(os.devnull).open("r+b", buffering=0)).fileno()
            streams = [
                stack.enter_context(Connection(os.dup(null if stream is None else stream)))
                for stream in (stdin, stdout, stdout if stderr == STDOUT else stderr)
            ]
            given = ([str(word) for word in command], dict(environment), str(folder), streams)
            with _LOCK:
                self._process = _FORKS.Process(target=_run, args=given, daemon=True)
                self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """As that of `subprocess.Popen`, but always of now."""
        with _LOCK:
            return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        ended = wait([self._process.sentinel], timeout)
        code = self.returncode
        if code is None:
            assert not ended
            raise TimeoutExpired("a forked program", timeout or 0)
        return code

    async def ended(self) -> int:
        """Wait without blocking the event loop."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        sentinel = os.dup(self._process.sentinel)
        loop.add_reader(sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(sentinel)
            os.close(sentinel)
        return self.wait()


def logged_program(command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> ForkedProgram:
    """A program in the folder of its log, to which its output is appended."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return ForkedProgram(command, environment, log.parent, stdout=file.fileno(), stderr=STDOUT)


@asynccontextmanager
async def forked(
    command: Sequence[str | Path], environment: Mapping[str, str], folder: Path, *, stderr: int | None = None
) -> AsyncIterator[tuple[ForkedProgram, asyncio.StreamReader]]:
    """A program and its standard output; killed at the end."""
    with ExitStack() as stack:
        from_stdout, its_stdout = os.pipe()
        out = asyncio.StreamReader(limit=2**20)
        reading, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(out), FileIO(from_stdout)
        )
        stack.callback(reading.close)
        try:
            # in a thread: the first one waits until everything is loaded
            program = await asyncio.to_thread(
                ForkedProgram, command, environment, folder, stdout=its_stdout, stderr=stderr
            )
        finally:
            os.close(its_stdout)
        try:
            yield program, out
        finally:
            program.kill()
            await program.ended()


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
    process = await asyncio.to_thread(
        ForkedProgram, ["wa", *arguments], environment, folder, stdin=its_stdin, stdout=its_stdout, stderr=its_stderr
    )
    for descriptor in (its_stdin, its_stdout, its_stderr):
        os.close(descriptor)
    try:
        async with asyncio.timeout(limit):
            _, out, err = await asyncio.gather(
                asyncio.to_thread(_write, to_stdin, stdin),
                asyncio.to_thread(_read, from_stdout),
                asyncio.to_thread(_read, from_stderr),
            )
            await process.ended()
    finally:
        process.kill()
        code = await process.ended()
    return CompletedCommand(code, out.decode(errors="replace"), err.decode(errors="replace"))


def _write(descriptor: int, data: bytes) -> None:
    with open(descriptor, "wb") as pipe:
        pipe.write(data)


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as pipe:
        return pipe.read()


def _run(command: list[str], environment: dict[str, str], folder: str, streams: list[Connection]) -> None:
    """In the new process."""
    _end_with_the_tests()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor, stream in enumerate(streams):
        os.dup2(stream.fileno(), descriptor)
    for stream in streams:
        stream.close()
    # among them the pipe that keeps the server of forks alive while it is open
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    sys.stdin, sys.stdout = os.fdopen(0, encoding=encoding), os.fdopen(1, "w", encoding=encoding)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding=encoding, errors="backslashreplace")
    program, *arguments = command
    if program == "-c":
        code, *arguments = arguments
        sys.modules["__main__"] = main = ModuleType("__main__")
        sys.argv = [program, *arguments]
        exec(compile(code, "<string>", "exec"), vars(main))
    elif program == "wa":
        from bridge.cli import main as wa

        sys.argv = command
        wa()
    else:
        sys.argv = command
        runpy.run_path(program, run_name="__main__")


def _end_with_the_tests() -> None:
    """The server of forks ends with the process of the tests, and the kernel terminates this one then."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    tests = multiprocessing.parent_process()
    if tests is None or not tests.is_alive():  # they ended before
        os._exit(1)
