"""The command `wa` as a program, against a real bridge."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.client.conftest import ScriptedBridge, harness, mosquitto, settings
from tests.forked import CompletedCommand, run_forked
from tests.mosquitto_server import MosquittoServer

__all__ = ["ScriptedBridge", "harness", "mosquitto", "settings"]

WA = [sys.executable, "-c", "from bridge.cli import main; main()"]
ROOT = Path(__file__).parent.parent.parent


Environment = dict[str, str]
Wa = Callable[..., Awaitable[CompletedCommand]]
StartCommand = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture(autouse=True)
def _default_sigint() -> Iterator[None]:
    """Children inherit an ignored SIGINT (`nohup`, `&` in a script); with a handler here they get the default."""
    previous = signal.getsignal(signal.SIGINT)
    if previous is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if previous is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.fixture
def environment(mosquitto: MosquittoServer, tmp_path: Path) -> Environment:
    """The environment of a user who has set only the broker's address and a data directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "WA_MQTT_URL": mosquitto.url("admin"),
        "WA_DATA_DIR": str(tmp_path / "data"),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


@pytest.fixture
async def start(environment: Environment, tmp_path: Path) -> AsyncIterator[StartCommand]:
    """Start `wa` with arguments; what the test has not ended is killed."""
    started: list[asyncio.subprocess.Process] = []

    async def start_command(*arguments: str, **changes: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *WA,
            *arguments,
            cwd=tmp_path,
            env={**environment, **changes},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start_command
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def wa(environment: Environment, tmp_path: Path) -> Wa:
    """Run `wa` until it exits."""

    async def run_command(*arguments: str, stdin: bytes = b"", limit: float = 30, **changes: str) -> CompletedCommand:
        return await run_forked(arguments, {**environment, **changes}, tmp_path, stdin=stdin, limit=limit)

    return run_command
