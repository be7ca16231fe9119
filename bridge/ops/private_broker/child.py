"""A child process that ends with its parent, and one that was left over from an earlier parent."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from bridge.ops.private_broker.address_file import write_private


def tied_command(program: str, *arguments: str) -> list[str]:
    """The command line that runs a program by its path so that the kernel ends it when this process ends.

    The tie is to the thread that starts it. Where the kernel cannot do that, the program runs untied.
    """
    script = Path(__file__).with_name("exec_with_parent.py")
    return [sys.executable, "-I", "-S", str(script), str(os.getpid()), program, *arguments]


def remember(pid_file: Path, pid: int) -> None:
    """Note the child with its start time, since a pid alone may be another program's by now."""
    with suppress(psutil.NoSuchProcess):
        write_private(pid_file, json.dumps({"pid": pid, "started": psutil.Process(pid).create_time()}))


def end_left_over(pid_file: Path, patience: float) -> None:
    """End the noted process if it is still the same one (SIGTERM, then SIGKILL), wait for it, forget it."""
    try:
        noted = json.loads(pid_file.read_text(encoding="utf-8"))
        process = psutil.Process(noted["pid"])
        same = abs(process.create_time() - noted["started"]) < 0.1
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        same = False
    else:
        if same:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
                try:
                    process.wait(patience)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(patience)
    pid_file.unlink(missing_ok=True)
