"""The programs that are compared, each with a sandbox of its own, started and ended in the same way.

`ours` is `wa bridge` with its legacy HTTP endpoints. The pairs are Express and webhooks around a library
(`legacy_pair.js`), the raw loop is Playwright, wa-js and an MQTT client without a store (`raw_loop_program.py`).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bench.stage import ROOT, Stage, end, phone, program, pss
from bridge.contract.session import SessionState
from bridge.drivers.web.executable import find_executable
from tests.mosquitto_server import free_port

OURS, LEGACY, WPPCONNECT, RAW = "ours", "legacy pair", "wppconnect", "raw loop"
NAMES = (OURS, LEGACY, WPPCONNECT, RAW)
FOLDER = Path(__file__).parent
#: Milliseconds from the page's load until its chats are usable. The site needs seconds. whatsapp-web.js misses the
#: moment, and never becomes ready, if it comes before its scripts are in the page.
SYNC_MS = 3000
#: Seconds until a program counts as stuck, and how often it is started then; only the last start is measured.
READY, STARTS = 45.0, 3
_SCRIPTS = {LEGACY: "whatsapp_web_js", WPPCONNECT: "wppconnect"}


@dataclass(frozen=True, slots=True)
class Running:
    """A started contender: its stage, its first process, the seconds it took, where it takes HTTP requests."""

    stage: Stage
    pid: int
    seconds: float
    http: str | None

    def processes(self) -> list[psutil.Process]:
        first = psutil.Process(self.pid)
        return [first, *first.children(recursive=True)]

    def pss(self) -> float:
        """Megabytes of all processes, the browser's too."""
        total = 0.0
        for process in self.processes():
            with suppress(psutil.NoSuchProcess, OSError, AssertionError):
                total += pss(process.pid)
        return total

    def cpu(self) -> float:
        """Seconds of CPU that the running processes have used."""
        total = 0.0
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total


@dataclass(frozen=True, slots=True)
class Contender:
    """One of `NAMES` on its own sandbox: the addresses are in its stage."""

    name: str
    stage: Stage

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """Start it, wait until it is connected, end it."""
        stage = replace(self.stage, debugging_port=free_port())  # other programs take ports meanwhile
        if self.name == OURS:
            async with _bridge(stage) as running:
                yield running
            return
        script = _SCRIPTS.get(self.name)
        command = _raw_loop(stage) if script is None else _pair(stage, script)
        for _ in range(STARTS):
            began = time.monotonic()
            async with _process(command, stage.folder / f"{self.name}.log") as process:
                try:
                    async with asyncio.timeout(READY):
                        port = await _ready(process)
                except TimeoutError:
                    continue
                http = None if script is None else f"http://127.0.0.1:{port}"
                yield Running(stage, process.pid, time.monotonic() - began, http)
                return
        raise AssertionError(f"{self.name} did not become ready in {STARTS} starts")


@asynccontextmanager
async def _bridge(stage: Stage) -> AsyncIterator[Running]:
    port = free_port()
    async with asyncio.TaskGroup() as tasks:
        began = time.time()
        connected = tasks.create_task(stage.until(SessionState.CONNECTED), name="connected")
        async with stage.bridge(WA_HTTP_PORT=str(port), WA_HTTP_RATE="off") as process:
            yield Running(stage, process.pid, await connected - began, f"http://127.0.0.1:{port}")


def _pair(stage: Stage, script: str) -> Sequence[str]:
    browser = str(find_executable(None))
    return (
        *("node", str(FOLDER / "legacy_pair.js"), script, stage.web_url),
        *(str(stage.folder / script), browser, str(stage.debugging_port)),
    )


def _raw_loop(stage: Stage) -> Sequence[str]:
    return (
        *(sys.executable, "-m", "bench.rivals.raw_loop_program", stage.web_url),
        *(str(stage.folder / "raw"), stage.mosquitto.url("bridge"), str(stage.debugging_port)),
    )


@asynccontextmanager
async def contenders(stage: Stage, names: Sequence[str] = NAMES) -> AsyncIterator[list[Contender]]:
    """Give each a sandbox, whose phone scans the first code by itself."""
    async with AsyncExitStack() as stack:
        given = []
        for name in names:
            file = stage.folder / f"sandbox-{name}.json"
            urls = await (await stack.enter_async_context(program("sandbox_program", str(file)))).line()
            own = replace(stage, web_url=urls["web"], api_url=urls["api"])
            async with phone(own) as api:
                (await api.patch("/settings", json={"sync_ms": SYNC_MS})).raise_for_status()
            given.append(Contender(name, own))
        yield given


@asynccontextmanager
async def _process(command: Sequence[str], log_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log_path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log, limit=2**20
        )
    try:
        yield process
    finally:
        await end(process)


async def _ready(process: asyncio.subprocess.Process) -> object:
    """The port that it prints at once, when it has become ready."""
    port = (await _said(process))["port"]
    while not (await _said(process)).get("ready"):
        continue
    return port


async def _said(process: asyncio.subprocess.Process) -> dict[str, object]:
    """The next JSON line of its output; a library may write other lines."""
    if process.stdout is None:
        raise AssertionError("started without a pipe")
    while line := await process.stdout.readline():
        with suppress(ValueError):
            said = json.loads(line)
            if isinstance(said, dict):
                return said
    raise AssertionError("it ended before it was connected; see its log")
