"""The processes of a run: mosquitto as we ship it, the sandbox, `wa bridge`, a subscriber; all ended at the end."""

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
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a run takes place."""

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
            "WA_HTTP_PORT": "off",
            "WA_LOG_LEVEL": os.environ.get("BENCH_LOG_LEVEL", "INFO"),
        }

    @asynccontextmanager
    async def connection(self, user: str = "admin") -> AsyncIterator[BrokerConnection]:
        """A connection to the broker."""
        options = BrokerOptions(
            parse_addresses(self.mosquitto.url(user)),
            client_id=f"bench-{user}-{time.monotonic_ns()}",
            clean=True,
            inbound_limit=100_000,
        )
        async with connect(options) as connection:
            yield connection

    @asynccontextmanager
    async def bridge(self, broker_port: int | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
        """`wa bridge` as a service would run it; its log goes into a file."""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("BENCH_PYTHONPATH")]))
        with (self.folder / "bridge.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bridge.cli",
                "bridge",
                cwd=self.folder,
                env={**self.environment(broker_port), "PYTHONPATH": path},
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            await end(process)

    async def until(self, state: SessionState | None) -> float:
        """Wait for a status of this state, told live; None = of any. Returns the moment, unix seconds."""
        async with self.connection() as connection, asyncio.timeout(PATIENCE):
            await connection.subscribe(TOPICS.status(SESSION))
            async for delivery in connection.deliveries():
                connection.acknowledge(delivery)
                status = SessionStatus.model_validate_json(delivery.payload)
                if status.state is state or (state is None and not delivery.retain):
                    return time.time()
        raise AssertionError("the broker is gone")

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """The bridge's own page, looked into from outside."""
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
    """A broker and a sandbox whose phone has scanned the first code."""
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
    """In a program of this folder: tell who started it, as a JSON line."""
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


class Program:
    """A program of this folder that speaks JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Any:
        if self._process.stdout is None:
            raise AssertionError("it was started without a pipe")
        async with asyncio.timeout(PATIENCE):
            return json.loads(await self._process.stdout.readline())

    def tell(self, value: object) -> None:
        """Write it a line."""
        if self._process.stdin is None:
            raise AssertionError("it was started without a pipe")
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
    """Megabytes that the process alone stands for, shared pages divided among those who share them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no Pss")
