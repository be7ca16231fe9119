"""The processes of a run: mosquitto with the shipped configuration, the sandbox, `wa bridge`, a subscriber."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Page, async_playwright

from bridge.broker import BrokerConnection, BrokerOptions, connect, parse_addresses
from bridge.contract.session import SessionState
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Topics
from tests.mosquitto_server import MosquittoServer, free_port

SESSION = "haby"
TOPICS = Topics()
ROOT = Path(__file__).parent.parent
TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """The environment of a run: folder, broker and sandbox."""

    folder: Path
    mosquitto: MosquittoServer
    web_url: str
    api_url: str
    debugging_port: int

    def environment(self, broker_port: int | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
        return {
            **kept,
            "WA_MQTT_URL": self.mosquitto.url("bridge", port=broker_port),
            "WA_DATA_DIR": str(self.folder / "data"),
            "WA_WEB_URL": self.web_url,
            "WA_BROWSER_ARGS": f"--remote-debugging-port={self.debugging_port}",
            "WA_PACE": "off",
            "WA_PACE_NEW": "off",
            "WA_PACE_CHAT": "off",
            "WA_PACE_SPACING": "0",
            "WA_HTTP_PORT": "off",
            "WA_LOG_LEVEL": os.environ.get("BENCH_LOG_LEVEL", "INFO"),
        }

    @asynccontextmanager
    async def connection(self, user: str = "admin") -> AsyncIterator[BrokerConnection]:
        """Open a connection to the broker as `user`."""
        options = BrokerOptions(
            parse_addresses(self.mosquitto.url(user)),
            client_id=f"bench-{user}-{time.monotonic_ns()}",
            clean=True,
            inbound_limit=100_000,
        )
        async with connect(options) as connection:
            yield connection

    @asynccontextmanager
    async def bridge(
        self, broker_port: int | None = None, **settings: str
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run `wa bridge` as a service would, with further settings; its log goes to a file."""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("BENCH_PYTHONPATH")]))
        with (self.folder / "bridge.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bridge.cli",
                "bridge",
                cwd=self.folder,
                env={**self.environment(broker_port), "PYTHONPATH": path, **settings},
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            await end(process)

    async def until(self, state: SessionState | None) -> float:
        """Wait for a status with this state; None = any status that is not retained. Returns the time, unix seconds."""
        async with self.connection() as connection, asyncio.timeout(TIMEOUT):
            await connection.subscribe(TOPICS.status(SESSION))
            async for delivery in connection.deliveries():
                connection.acknowledge(delivery)
                status = SessionStatus.model_validate_json(delivery.payload)
                if status.state is state or (state is None and not delivery.retain):
                    return time.time()
        raise AssertionError("the broker is gone")

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """The bridge's own page, through the browser's debugging port."""
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{self.debugging_port}")
            yield browser.contexts[0].pages[0]


async def end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Start a broker and a sandbox whose phone scans the QR code by itself."""
    async with AsyncExitStack() as stack:
        mosquitto = stack.enter_context(_mosquitto(folder / "mosquitto"))
        sandbox = await stack.enter_async_context(program("sandbox_program", str(folder / "sandbox.json")))
        urls = await sandbox.line()
        yield Stage(folder, mosquitto, urls["web"], urls["api"], free_port())


@contextmanager
def _mosquitto(folder: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(folder) as server:
        yield server


def say(value: object) -> None:
    """In a child program: write a JSON line to the parent."""
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


class Program:
    """A child program of this folder that exchanges JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Any:
        if self._process.stdout is None:
            raise AssertionError("started without a pipe")
        async with asyncio.timeout(TIMEOUT):
            return json.loads(await self._process.stdout.readline())

    def send(self, value: object) -> None:
        """Write a JSON line to its standard input."""
        if self._process.stdin is None:
            raise AssertionError("started without a pipe")
        self._process.stdin.write(json.dumps(value).encode() + b"\n")


@asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"bench.{name}",
        *arguments,
        cwd=ROOT,
        limit=2**26,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Program(process)
    finally:
        await end(process)


@asynccontextmanager
async def phone(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """The sandbox's control API."""
    async with httpx.AsyncClient(base_url=stage.api_url, trust_env=False, timeout=30) as client:
        yield client


def pss(pid: int) -> float:
    """Proportional set size in megabytes: shared pages are divided among the processes that share them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no Pss")
