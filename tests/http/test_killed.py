"""`kill -9` of the bridge's process, and of the axios program behind it: nothing lost, nothing sent twice.

Everything is real but WhatsApp, which is the sandbox: `wa bridge` with Chromium, mosquitto, axios and express on Node.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.sandbox import Sandbox
from tests.docs.node_programs import MODULES, require_node
from tests.forked import ForkedProgram, logged_program
from tests.loopback import http_client
from tests.mosquitto_server import MosquittoServer, free_port

CHATS = [f"549115555000{number}@c.us" for number in range(1, 5)]
TIMEOUT = 40.0


class Process:
    """A program that can be killed and started again; what it says goes to the end of `out`.

    `forked`: it is one of Python, as `tests/forked.py` takes it.
    """

    def __init__(self, command: list[str], out: Path, environment: dict[str, str], *, forked: bool = False) -> None:
        self.out = out
        self._command = command
        self.environment = environment
        self._forked = forked
        self._process: ForkedProgram | subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
        environment = {**kept, **self.environment}
        if self._forked:
            self._process = logged_program(self._command, environment, self.out)
            return
        with self.out.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment
            )

    def end(self, word: signal.Signals = signal.SIGKILL) -> None:
        """Signal it, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(word)
            self._process.wait(30)
            self._process = None

    @property
    def is_running(self) -> bool:
        return isinstance(self._process, ForkedProgram) and self._process.returncode is None

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its lines that are JSON and whole."""
        lines = self.out.read_text().splitlines() if self.out.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


class Scene:
    """A sandbox with a bridge process before it, started by `command`; `headers` are those of `client`."""

    def __init__(
        self, folder: Path, sandbox: Sandbox, broker: MosquittoServer, command: Sequence[str] = ("wa", "bridge")
    ) -> None:
        self.folder = folder
        self.headers: dict[str, str] = {}
        self.world = sandbox.world
        self.received = sandbox.received
        self.url = f"http://127.0.0.1:{free_port()}"
        settings = {"WA_MQTT_URL": broker.url("bridge"), "WA_DATA_DIR": str(folder / "data"), "WA_WEB_URL": sandbox.url}
        http = {"WA_HTTP_PORT": self.url.rpartition(":")[2], "WA_PACE": "off", "WA_HTTP_RATE": "off"}
        self.bridge = Process(list(command), folder / "bridge.log", settings | http, forked=True)

    def client(self) -> httpx.AsyncClient:
        return http_client(self.url, headers=self.headers, timeout=30)

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait for a state of another process, which sends no event."""
        try:
            async with asyncio.timeout(TIMEOUT):
                while not holds():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            log = (self.folder / "bridge.log").read_text()[-3000:]
            raise AssertionError(f"not within {TIMEOUT:g} s: {what}; the log of the bridge:\n{log}") from None

    async def connected(self) -> None:
        async with asyncio.timeout(TIMEOUT), self.client() as client:
            while True:
                try:
                    if (await client.get("/api/whatsapp/status")).json()["connected"]:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    def sent(self) -> dict[str, int]:
        """What WhatsApp delivered: text -> how often, whatever the message id."""
        times: dict[str, int] = defaultdict(int)
        for message in self.world.state.sent.values():
            times[message.body] += message.deliveries
        return times


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    with MosquittoServer(tmp_path / "mosquitto") as broker:
        async with Sandbox(auto_scan=True) as sandbox:
            scene = Scene(tmp_path, sandbox, broker)
            scene.bridge.start()
            try:
                await scene.connected()
                yield scene
            finally:
                scene.bridge.end()


async def test_an_axios_responder_hears_everything_through_kills_of_either_side(scene: Scene) -> None:
    port = str(free_port())
    command = [require_node(), str(Path(__file__).with_name("axios_responder.js")), scene.url, port]
    environment = {"NODE_PATH": str(MODULES), "RETRY_MS": "200", "ANSWER_MS": "100", "NO_PROXY": "*"}
    responder = Process([*command, str(scene.folder / "history")], scene.folder / "responder", environment)
    texts: list[str] = []

    async def write(count: int) -> None:
        for _ in range(count):
            texts.append(f"message {len(texts)}")
            scene.world.incoming(CHATS[len(texts) % len(CHATS)], texts[-1])
            await asyncio.sleep(0.02)

    def heard() -> set[str]:
        return {line["got"] for line in responder.lines if "got" in line}

    scene.bridge.end()
    responder.start()
    try:
        await scene.until(lambda: {"refused": "ECONNREFUSED"} in responder.lines, "it tries without a bridge")
        scene.bridge.start()
        await scene.until(lambda: {"registered": 1} in responder.lines, "it registers")
        await scene.connected()
        await write(10)
        await scene.until(lambda: len(heard()) >= 5, "deliveries are under way")
        scene.bridge.end()
        await write(5)  # the phone's side goes on
        scene.bridge.start()
        await scene.until(lambda: len(heard()) == 15, "what came meanwhile is delivered, without registering again")
        await write(10)
        responder.end()
        await write(5)
        responder.start()
        await scene.until(lambda: heard() == set(texts), "all of it is delivered")
        answered = {line.get("answered") or line.get("failed") for line in responder.lines}
        await scene.until(lambda: f"Eco: {texts[-1]}" in scene.sent(), f"the last one is answered, not only {answered}")
        responder.end(signal.SIGTERM)
        assert {"unregistered": True} in responder.lines
    finally:
        responder.end()

    deliveries: dict[str, list[str]] = defaultdict(list)
    for line in responder.lines:
        if "got" in line:
            deliveries[line["id"]].append(line["delivery"])
    assert len(deliveries) == len(texts)
    assert {len(set(ids)) for ids in deliveries.values()} == {1}, "a repeated delivery has the id of the first"
    repeated = sum(map(len, deliveries.values())) - len(texts)
    assert repeated <= 2 * len(CHATS), "only what was in progress at a kill comes again: one of each chat"
    first = list(dict.fromkeys(line["got"] for line in responder.lines if "got" in line))
    for number in range(len(CHATS)):
        assert [text for text in first if texts.index(text) % len(CHATS) == number] == texts[number :: len(CHATS)]
    assert set(scene.sent().values()) == {1}
    answered = {f"Eco: {line['answered']}" for line in responder.lines if line.get("success")}
    await scene.until(lambda: answered <= set(scene.sent()), "whatever was answered with 200 was sent")


@pytest.mark.parametrize("keyed", [True, False], ids=["Idempotency-Key", "no key"])
async def test_sends_of_a_bridge_that_is_killed(scene: Scene, keyed: bool) -> None:
    texts = [f"send {number}" for number in range(40)]
    known: dict[str, str] = {}
    for chat in CHATS:
        scene.world.incoming(chat, "a chat in which a message came exists")

    async def send(client: httpx.AsyncClient, text: str) -> None:
        headers = {"Idempotency-Key": text.replace(" ", "-")} if keyed else {}
        body = {"to": CHATS[int(text[5:]) % len(CHATS)], "message": text}
        try:
            answer = await client.post("/api/whatsapp/send", json=body, headers=headers)
        except httpx.TransportError:
            return
        if answer.is_success:
            known[text] = answer.json()["status"]

    async with scene.client() as client:
        sending = [asyncio.create_task(send(client, text), name=text) for text in texts]
        await scene.until(lambda: len(scene.sent()) >= 5, "sends are under way")
        scene.bridge.end()
        await asyncio.wait(sending)
    assert len(known) < len(texts), "the kill came too late to prove anything"
    scene.bridge.start()
    await scene.connected()
    if keyed:
        async with scene.client() as client:
            await asyncio.gather(*(send(client, text) for text in texts))
        assert set(known) == set(texts)
    # a message that left the page and cannot be found is not tried again, and reported as unknown
    certain = {text for text, status in known.items() if status != "unknown"}
    await scene.until(lambda: certain <= set(scene.sent()), f"what was taken is sent: {known}")
    assert len(known) - len(certain) <= len(CHATS), "at most one of each chat is on its way"
    assert set(scene.sent().values()) == {1}
