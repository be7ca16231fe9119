"""A broker directory for one test, and the command that works on it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.cli import program
from bridge.ops.mosquitto import BrokerDirectory, Listeners
from bridge.ops.private_broker.child import tied_command
from tests.mosquitto_server import free_port
from tests.parts import require_binary

APP = program()
Wa = Callable[..., "CommandResult"]


def free_listeners(folder: Path) -> Listeners:
    """A free port and paths inside `folder`; root stays root, since other users cannot enter a test's folder."""
    (folder / "state").mkdir(parents=True, exist_ok=True)
    run_as = "root" if os.geteuid() == 0 else None
    return Listeners(free_port(), folder / "state", folder / "mosquitto.pid", run_as=run_as)


@pytest.fixture
def directory(tmp_path: Path) -> BrokerDirectory:
    target = BrokerDirectory(tmp_path / "broker")
    target.set_up("wa", free_listeners(target.path))
    return target


@contextmanager
def mosquitto_with(configuration: Path, *ports: int) -> Iterator[int]:
    """A mosquitto with this configuration file; yields its pid once these of its ports answer."""
    command = tied_command(require_binary("mosquitto", "mosquitto"), "-c", str(configuration))
    log = configuration.with_suffix(".log")
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 10
        waiting = list(ports)
        while waiting:
            try:
                socket.create_connection(("127.0.0.1", waiting[0]), timeout=1).close()
                waiting.pop(0)
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.01)
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def wa() -> Wa:
    """Runs `wa broker …` in this process, which saves the second that Python needs to start."""

    def run(*arguments: str, given: str = "") -> CommandResult:
        result = CliRunner().invoke(APP, ["broker", *arguments], input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return CommandResult(result.exit_code, result.stdout, result.stderr)

    return run
