"""A child process that ends with its parent, and the cleanup of one left over from an earlier parent."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from bridge.ops.private_broker.address_file import write_private

#: Variables that a broker gets: the others may hold secrets of the bridge.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


def broker_environment() -> dict[str, str]:
    """The environment of a mosquitto child."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def tied_command(program: str, *arguments: str) -> list[str]:
    """The command line that runs a program so that the kernel terminates it when this process ends.

    Tied to the thread that starts it. Where the kernel has no such function, the program runs untied.
    """
    script = Path(__file__).with_name("exec_with_parent.py")
    return [sys.executable, "-I", "-S", str(script), str(os.getpid()), program, *arguments]


def write_pid_file(pid_file: Path, pid: int) -> None:
    """Record pid and start time: a pid alone may belong to another program later."""
    with suppress(psutil.NoSuchProcess):
        write_private(pid_file, json.dumps({"pid": pid, "started": psutil.Process(pid).create_time()}))


def terminate_leftover(pid_file: Path, timeout: float) -> None:
    """Terminate the recorded process if it is still the same one (SIGTERM, then SIGKILL), and remove the file."""
    try:
        recorded = json.loads(pid_file.read_text(encoding="utf-8"))
        process = psutil.Process(recorded["pid"])
        is_same = abs(process.create_time() - recorded["started"]) < 0.1
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        is_same = False
    else:
        if is_same:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
                try:
                    process.wait(timeout)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(timeout)
    pid_file.unlink(missing_ok=True)
