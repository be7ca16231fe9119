"""The product as a user runs it: `wa up --sandbox` as a separate process, observed through its output."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from subprocess import STDOUT
from typing import Any

import psutil

from tests.forked import ForkedProgram, forked, run_forked
from tests.loopback import http_client
from tests.parts import require_binary

TIMEOUT = 30.0


class Product:
    """A running `wa up --sandbox`. `lines` is its output so far."""

    def __init__(
        self, directory: Path, process: ForkedProgram, output: asyncio.StreamReader, environment: dict[str, str]
    ) -> None:
        self.directory = directory
        self.process = process
        self.environment = environment
        self.lines: list[str] = []
        self._output = output
        self._changed = asyncio.Condition()

    async def read(self) -> None:
        """Collect the output of the process until it ends."""
        async for line in self._output:
            async with self._changed:
                self.lines.append(line.decode().rstrip())
                self._changed.notify_all()

    async def printed(self, pattern: str) -> str:
        """Wait for the first output line that matches the pattern."""
        async with asyncio.timeout(TIMEOUT), self._changed:
            while True:
                for line in self.lines:
                    if re.search(pattern, line):
                        return line.strip()
                if self.process.returncode is not None:
                    raise AssertionError(f"ended with {self.process.returncode}: {self.lines}")
                await self._changed.wait()

    async def hint(self, start: str) -> str:
        """The printed command that starts with `start`; printed once the session is connected."""
        return await self.printed(rf"^\s*{start}")

    async def phone_url(self) -> str:
        """The URL of the phone's page."""
        return (await self.printed("the phone is at")).split()[-1]

    async def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the sandbox's control API."""
        url = (await self.phone_url()).removesuffix("phone") + "api" + path
        async with http_client() as client:
            answer = await client.request(method, url, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def sent_bodies(self, chat: str = "") -> list[str]:
        """Bodies of the account's own messages, in one chat or chat by chat."""
        chats = [one for one in (await self.api("GET", "/state"))["chats"] if chat in ("", one["id"])]
        return [message["body"] for one in chats for message in one["messages"] if message["from_me"]]

    def tree(self) -> list[psutil.Process]:
        """The process and everything it has started."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def leftover_processes(self) -> list[str]:
        """Command lines of other processes that use the product's directory."""
        found = []
        for process in psutil.process_iter(["pid", "cmdline", "cwd", "status"]):
            line = " ".join(process.info["cmdline"] or ())
            ours = str(self.directory) in line or str(process.info["cwd"] or "").startswith(str(self.directory))
            if ours and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != self.process.pid:
                found.append(line)
        return found


async def command(product: Product, *arguments: str, wait: float = TIMEOUT) -> tuple[int, str, str]:
    """Run `wa` or another program beside the product: exit code, standard output, standard error."""
    if arguments[0] == "wa":
        done = await run_forked(arguments[1:], product.environment, product.directory, limit=wait)
        return done.code, done.out, done.err
    process = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=product.directory,
        env=product.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(wait):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def subscriber(line: str, topic: int = 0) -> AsyncIterator[Callable[[], Any]]:
    """Run a printed `mosquitto_sub` command; yields a function that returns the next JSON payload of one of its topics,
    by position."""
    words = shlex.split(line)
    wanted = [after for before, after in pairwise(words) if before == "-t"][topic]
    # line buffered: otherwise the debug line of the SUBACK stays in the pipe
    process = await asyncio.create_subprocess_exec(
        "stdbuf", "-oL", *words, "-d", stdout=asyncio.subprocess.PIPE, limit=2**20
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(TIMEOUT):
            while b"SUBACK" not in (debug := await process.stdout.readline()):
                assert debug, "mosquitto_sub ended"

        async def next_payload() -> Any:
            assert process.stdout is not None
            async with asyncio.timeout(TIMEOUT):
                async for raw in process.stdout:
                    published, _, payload = raw.decode().strip().partition(" ")
                    if published == wanted:
                        return json.loads(payload)
            raise AssertionError("mosquitto_sub ended")

        yield next_payload
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def running(
    directory: Path, *, port: int = 0, sandbox: bool = True, **environment: str
) -> AsyncIterator[Product]:
    """Run `wa up --sandbox`, or `wa up`, in a directory; terminated with SIGTERM at the end."""
    require_binary("mosquitto", "mosquitto")
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    full = {**clean, "WA_PACE": "off", "RESPONDER_ACTIVO": "off", "WA_DATA_DIR": str(directory / "data"), **environment}
    line = ["wa", "up", *(("--sandbox", "--sandbox-port", str(port)) if sandbox else ())]
    async with forked(line, full, directory, stderr=STDOUT) as (process, output):
        product = Product(directory, process, output, full)
        reading = asyncio.create_task(product.read(), name="read the product")
        try:
            yield product
        finally:
            process.terminate()
            await asyncio.wait_for(process.ended(), TIMEOUT)
            await reading


async def first_lines(product: Product, count: int, *arguments: str) -> list[Any]:
    """The first `count` JSON lines of `wa`, which is then ended."""
    async with forked(arguments, product.environment, product.directory) as (_, out), asyncio.timeout(TIMEOUT):
        return [json.loads(await out.readline()) for _ in range(count)]


async def until(holds: Callable[[], bool], what: str) -> None:
    """Poll until `holds` is true, for something that has no event."""
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)
