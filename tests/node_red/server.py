"""A real Node-RED with the nodes of integrations/node-red, as after `npm install` in its user folder."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bridge.ops.private_broker.child import tied_command
from tests.docs.node_programs import MODULES, require_node
from tests.docs.pages import ROOT
from tests.loopback import http_client
from tests.mosquitto_server import free_port

PACKAGE = ROOT / "integrations/node-red"
NAME = "node-red-contrib-whatsapp-mqtt"
TIMEOUT = 20.0
_SETTINGS = {
    "uiHost": "127.0.0.1",
    "flowFile": "flows.json",
    "credentialSecret": "test",
    "telemetry": {"enabled": False, "updateNotification": False},
    "editorTheme": {"tours": False},
}


def example(name: str) -> list[dict[str, Any]]:
    """The nodes of an example of the package."""
    nodes: list[dict[str, Any]] = json.loads((PACKAGE / f"examples/{name}.json").read_text(encoding="utf-8"))
    return nodes


class NodeRedServer:
    """`start`, `stop` (SIGTERM) and `kill` (SIGKILL) keep the user folder; `output` is what it printed so far."""

    def __init__(self, folder: Path, broker: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, "WA_MQTT_URL": broker, "NODE_RED_HOME": str(folder)}
        self._process: subprocess.Popen[bytes] | None = None
        self._node = require_node()
        installed = folder / "node_modules" / NAME
        shutil.copytree(PACKAGE, installed, ignore=shutil.ignore_patterns("node_modules"))
        (folder / "node_modules/mqtt").symlink_to(MODULES / "mqtt")
        (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": {NAME: "0.1.0"}}))
        self.port = free_port()
        settings = json.dumps({**_SETTINGS, "uiPort": self.port})
        (folder / "settings.js").write_text(f"module.exports = {settings};\n")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return (self._folder / "output").read_text(encoding="utf-8", errors="replace")

    async def start(self, *flows: list[dict[str, Any]]) -> None:
        """Start and wait until the flows run. Without `flows`: those of the last run."""
        if flows:
            nodes = [node for flow in flows for node in flow]
            (self._folder / "flows.json").write_text(json.dumps(nodes))
        before = self.output.count("Started flows") if (self._folder / "output").exists() else 0
        self._open()
        await self.until(lambda: self.output.count("Started flows") > before)

    def _open(self) -> None:
        command = tied_command(self._node, str(MODULES / "node-red/red.js"), "--userDir", str(self._folder))
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._environment
            )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Poll a condition that no event announces."""
        try:
            async with asyncio.timeout(TIMEOUT):
                while not condition():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(self.output) from None

    async def printed(self, text: str) -> None:
        await self.until(lambda: text in self.output)

    async def press(self, inject: str) -> None:
        """Press the button of an inject node."""
        async with http_client() as client:
            answer = await client.post(f"{self.url}/inject/{inject}")
            assert answer.is_success, answer.text

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            await asyncio.wait_for(asyncio.to_thread(process.wait), TIMEOUT)
        except TimeoutError:
            process.kill()
            raise AssertionError(self.output) from None


@asynccontextmanager
async def node_red(folder: Path, broker: str) -> AsyncIterator[NodeRedServer]:
    """A Node-RED that is not started; stopped at the end."""
    server = NodeRedServer(folder, broker)
    try:
        yield server
    finally:
        await server.stop()
