"""Runs the recipes as printed, one after the other, against one sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.docs.node_programs import MODULES, require_node
from tests.docs.pages import ROOT, Block, blocks
from tests.e2e.conftest import Product, running
from tests.mosquitto_server import free_port
from tests.parts import require_binary

pytestmark = pytest.mark.asyncio(loop_scope="module")
RECIPES = list(blocks(ROOT / "docs/recipes.md"))
START = list(blocks(ROOT / "docs/getting-started.md"))
ANA = "5491155500001@c.us"
TIMEOUT = 30.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """A connected sandbox, in a folder that looks like a clone after setup, with the npm packages installed."""
    node = Path(require_node())
    folder = tmp_path_factory.mktemp("recipes")
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (folder / "node_modules").symlink_to(MODULES)
    port = free_port()
    # the default of WA_DATA_DIR, as on these pages
    async with running(folder, WA_HTTP_PORT=str(port), WA_DATA_DIR="data") as up:
        await up.printed("haby connected")
        path = f"{node.parent}:{MODULES / '.bin'}:{os.environ['PATH']}"
        http = f"http://127.0.0.1:{port}"
        up.environment |= {"PATH": path, "WA_HTTP": http, "PORT": str(free_port()), "no_proxy": "127.0.0.1"}
        yield up


def shell(block: Block) -> list[str]:
    """The block, after the one that sets the addresses of broker and bridge."""
    return ["sh", "-euc", f"{RECIPES[0].text}\n{'exec ' if block.stays else ''}{block.text}"]


async def run(product: Product, block: Block) -> str:
    """Run a block to its end; returns its output."""
    program = await asyncio.create_subprocess_exec(
        *shell(block),
        cwd=product.directory,
        env=product.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(TIMEOUT):
        output, _ = await program.communicate()
    assert program.returncode == 0, output.decode()
    return output.decode()


class RunningProgram:
    """A program that keeps running; `printed` is its output so far."""

    def __init__(self, out: asyncio.StreamReader) -> None:
        self._out = out
        self.printed = ""

    async def read(self) -> None:
        while chunk := await self._out.read(4096):
            self.printed += chunk.decode()


@asynccontextmanager
async def running_block(product: Product, block: Block) -> AsyncIterator[RunningProgram]:
    """Run a block that stays; terminated at the end."""
    program = await asyncio.create_subprocess_exec(
        *shell(block),
        cwd=product.directory,
        env={**product.environment, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert program.stdout is not None
    running_program = RunningProgram(program.stdout)
    reading = asyncio.create_task(running_program.read(), name="read the recipe")
    try:
        yield running_program
    finally:
        with contextlib.suppress(ProcessLookupError):
            program.terminate()
        await asyncio.wait_for(program.wait(), TIMEOUT)
        await reading


async def write_until(product: Product, text: str, seen: Callable[[], bool], program: RunningProgram) -> None:
    """Ana writes once a second until the program has printed it, because no program reports its subscription."""
    try:
        async with asyncio.timeout(TIMEOUT):
            while not seen():
                await product.api("POST", "/incoming", {"chat": ANA, "body": text})
                for _ in range(10):
                    await asyncio.sleep(0 if seen() else 0.1)
    except TimeoutError:
        raise AssertionError(program.printed) from None


async def on_the_phone(product: Product, text: str) -> None:
    """Wait until the sandbox's phone shows the text once among the account's own messages."""
    async with asyncio.timeout(TIMEOUT):
        while text not in (own := await product.sent_bodies()):  # noqa: ASYNC110 - the phone has no event
            await asyncio.sleep(0.1)
    assert own.count(text) == 1


def of(heading: str) -> tuple[list[Block], Block]:
    """A recipe's commands that end, and the one that keeps running."""
    found = [block for block in RECIPES if block.heading == heading and block.language == "sh"]
    (stays,) = (block for block in found if block.stays)
    return [block for block in found if not block.stays], stays


def save(product: Product, heading: str) -> None:
    for block in RECIPES:
        if block.heading == heading and block.file:
            (product.directory / block.file).write_text(block.text, encoding="utf-8")


async def test_mosquitto(product: Product) -> None:
    require_binary("mosquitto_pub", "mosquitto-clients")
    sends, listening = of("mosquitto_pub and mosquitto_sub")
    async with running_block(product, listening) as program:
        await write_until(product, "¿Están?", lambda: '"¿Están?"' in program.printed, program)
        for send in sends:
            await run(product, send)
        await on_the_phone(product, "Hola")
        await on_the_phone(product, "Your invoice is ready.")
        sent = re.compile(r'wa/haby/result \{.*"id":"invoice-42","status":"sent"')
        async with asyncio.timeout(TIMEOUT):
            while not sent.search(program.printed):  # noqa: ASYNC110 - the phone has it before the result
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("heading", ["MQTT.js", "Node-RED", "Python"])
async def test_a_program_prints_and_answers(product: Product, heading: str) -> None:
    save(product, heading)
    _, answering = of(heading)
    text = f"¿Qué tal, {heading}?"
    async with running_block(product, answering) as program:
        await write_until(product, text, lambda: text in program.printed, program)
        name = {"MQTT.js": "Node.js"}.get(heading, heading)
        async with asyncio.timeout(TIMEOUT):
            while f"{name} got: {text}" not in await product.sent_bodies():  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def test_python_answers_what_came_after_a_first_run_without_a_message(product: Product) -> None:
    save(product, "Python")
    _, answering = of("Python")
    (file := product.directory / "seen.json").unlink(missing_ok=True)
    async with running_block(product, answering) as program:
        async with asyncio.timeout(TIMEOUT):
            while not file.exists():  # noqa: ASYNC110 - a file raises no event
                await asyncio.sleep(0.05)
    assert program.printed == ""
    await product.api("POST", "/incoming", {"chat": ANA, "body": "¿Nadie?"})
    async with running_block(product, answering):
        await on_the_phone(product, "Python got: ¿Nadie?")


async def test_curl(product: Product) -> None:
    (send, file, messages, legacy), events = of("curl")
    assert '"status":"sent"' in await run(product, send)
    await on_the_phone(product, "Your order is on its way.")
    assert '"status":"sent"' in await run(product, file)
    sent = (await product.api("GET", "/sent"))[-1]
    assert (sent["filename"], sent["caption"]) == ("invoice.txt", "March")
    assert sent["sha256"] == hashlib.sha256((product.directory / "invoice.txt").read_bytes()).hexdigest()
    assert '"success":true' in await run(product, legacy)
    await on_the_phone(product, "Still works.")
    async with running_block(product, events) as program:
        await write_until(product, "¿Y por HTTP?", lambda: "¿Y por HTTP?" in program.printed, program)
    assert "next" in await run(product, messages)


async def test_getting_started(product: Product) -> None:
    (listening,) = (block for block in START if block.stays)
    send, status = (block for block in START if block.language == "sh" and not block.stays)
    async with running_block(product, listening) as program:
        await write_until(product, "¿Me leen?", lambda: "¿Me leen?" in program.printed, program)
    assert "read" in await run(product, send)
    assert "connected" in await run(product, status)


async def test_the_example_of_the_readme(product: Product) -> None:
    (example,) = (block for block in blocks(ROOT / "README.md") if block.language == "python")
    (product.directory / "readme.py").write_text(example.text, encoding="utf-8")
    await product.api("POST", "/incoming", {"chat": ANA, "body": "¿Y el README?"})
    async with running_block(product, Block("README", "sh", ".venv/bin/python readme.py", stays=True, file=None)):
        await on_the_phone(product, "You said: ¿Y el README?")
