"""The real stack of a chaos run: mosquitto, the bridge as a process with Chromium, the sandbox in this process.

It starts and stops the parts and gives their addresses. The faults decide what breaks, and when.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from bridge.sandbox import Sandbox
from bridge.sandbox.world import World
from tests.chaos.broker import Broker, Network
from tests.chaos.crash_points import Step
from tests.forked import ForkedProgram, logged_program

SESSION = "haby"
#: Seconds until Chromium has written a new login to its profile. If killed earlier, it has to be paired again.
LOGIN_WRITTEN = 7.0
PROGRAM = Path(__file__).parent / "bridge_program.py"


class Bridge:
    """A bridge process on a data directory."""

    def __init__(self, folder: Path, url: str, web_url: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.armed, self.clock = folder / "armed", folder / "clock"
        self.settings: dict[str, str] = {}
        self._url, self._web_url = url, web_url
        self._process: ForkedProgram | None = None

    @property
    def log(self) -> Path:
        return self.folder / "bridge.log"

    @property
    def store(self) -> Path:
        return self.data_dir / "sessions" / SESSION / "store.db"

    @property
    def environment(self) -> dict[str, str]:
        """Also for `wa` commands."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
        return {
            **kept,
            "WA_MQTT_URL": self._url,
            "WA_DATA_DIR": str(self.data_dir),
            "WA_WEB_URL": self._web_url,
            "WA_PACE": "off",
            "WA_HTTP_PORT": "off",
            **self.settings,
        }

    def start(self) -> None:
        """Start it; the status shows when it is ready."""
        self._process = logged_program([PROGRAM, self.armed, self.clock], self.environment, self.log)

    @property
    def pid(self) -> int:
        """Process id, also after its end."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def ended(self, timeout: float) -> int:
        """The exit code. Raises AssertionError if it keeps running."""
        process = self._process
        assert process is not None
        await until(lambda: process.returncode is not None, timeout, "the bridge ends")
        return process.wait()

    async def terminate(self, timeout: float = 40) -> int:
        """Send SIGTERM; returns the exit code, -9 if it took too long."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return await self.ended(timeout)
        except AssertionError:
            self.kill()
            return -signal.SIGKILL

    async def crashes_at(self, step: Step, timeout: float = 20) -> bool:
        """Crash it at a step; False if it did not reach the step."""
        self.armed.write_text(step)
        try:
            await self.ended(timeout)
        except AssertionError:
            self.armed.unlink(missing_ok=True)
            return False
        return True

    def browsers(self, kind: str = "") -> list[psutil.Process]:
        """Chromium processes of the bridge: the browser itself, or those with this `--type`."""
        found = []
        for process in psutil.Process(self.pid).children(recursive=True):
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            types = [word.removeprefix("--type=") for word in words if word.startswith("--type=")]
            if types == [kind] if kind else not types and any(w.startswith("--user-data-dir") for w in words):
                found.append(process)
        return found


class Rig:
    """`async with` starts broker, sandbox and bridge, with further `settings`."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._settings = settings
        self.sandbox: Sandbox
        self.network: Network
        self.bridge: Bridge
        self.broker = Broker(folder / "mosquitto")

    @property
    def world(self) -> World:
        """WhatsApp's side, with the phone."""
        return self.sandbox.world

    @property
    def media_folders(self) -> list[Path]:
        """Where the files of messages are."""
        return [self.bridge.data_dir / "media"]

    def second_bridge(self, data_dir: Path | None = None) -> Bridge:
        """Another bridge for the same session, by default on the same data directory."""
        other = Bridge(self.folder / "second", self.broker.url("bridge"), self.sandbox.url)
        other.data_dir = data_dir or self.bridge.data_dir
        return other

    async def __aenter__(self) -> Self:
        self._stack = await AsyncExitStack().__aenter__()
        try:
            self.broker.start()
            self._stack.callback(self.broker.stop)
            self.sandbox = await self._stack.enter_async_context(Sandbox(auto_scan=True))
            self.network = await self._stack.enter_async_context(Network(self.broker.port))
            url = self.broker.url("bridge", port=self.network.port)
            self.bridge = Bridge(self.folder, url, self.sandbox.url)
            self.bridge.settings = self._settings
            self.bridge.start()
            self._stack.push_async_callback(self.bridge.terminate)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


def start(command: list[str], output: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start a program; its output is appended to a file."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("ab") as file:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **options)


async def until(holds: Callable[[], object], timeout: float, what: str) -> None:
    """Poll until `holds` is true. Raises AssertionError."""
    deadline = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        await asyncio.sleep(0.02)


async def login_is_written(world: World) -> None:
    """Wait until each browser can be killed without a new pairing."""
    newest = max((device.paired_at for device in world.linking.devices.values()), default=0)
    await asyncio.sleep(max(0.0, newest + LOGIN_WRITTEN - time.time()))
