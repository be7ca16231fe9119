"""The nodes in a real Node-RED, on a real mosquitto with the shipped ACL, and a bridge with a scripted phone."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, expect

from bridge.contract.kinds.poll import Poll
from bridge.settings import load
from tests.docs.node_programs import require_node
from tests.loopback import http_client
from tests.mosquitto_server import MosquittoServer, free_port
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe, mqtt_probe
from tests.node_red.server import NAME, PACKAGE, NodeRedServer, example, node_red
from tests.pictures import picture

ANA, LEO = "5491155500001@c.us", "5491155500002@c.us"
#: A user of the shipped ACL with the rights of a reader and a sender.
USER = "responder"


class Flows:
    """Node-RED, the bridge and its phone, and a probe on all topics."""

    def __init__(
        self, server: NodeRedServer, bridge: BridgeUnderTest, probe: MqttProbe, broker: MosquittoServer
    ) -> None:
        self.server = server
        self.bridge = bridge
        self.probe = probe
        self.broker = broker

    def sent(self) -> Counter[str]:
        """Texts that the phone has sent, with their number."""
        return Counter(text for message in self.bridge.phone.sent for text in [message.text] * message.times)

    async def has_sent(self, *texts: str) -> None:
        """Wait until the phone has sent all of them."""
        await self.server.until(lambda: set(texts) <= set(self.sent()))


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Flows]:
    with MosquittoServer(folder / "mosquitto") as broker:
        settings = load(WA_DATA_DIR=folder / "data", WA_PACE="off", WA_INSTANCE="test")
        bridge = BridgeUnderTest(settings, broker.url("bridge"))
        bridge.phone.acks = (1, 2, 3)
        async with (
            mqtt_probe(broker.url("admin")) as probe,
            node_red(folder / "nodered", broker.url(USER)) as server,
        ):
            bridge.probe = probe
            try:
                yield Flows(server, bridge, probe, broker)
            finally:
                await bridge.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def flows(tmp_path: Path) -> AsyncIterator[Flows]:
    """The bridge runs, Node-RED is not started."""
    async with running(tmp_path) as flows:
        await flows.bridge.start()
        yield flows


def debug(identity: str, tab: str, name: str, complete: str) -> dict[str, Any]:
    """A debug node that prints a property of each message."""
    shown = {"active": True, "console": True, "complete": complete, "targetType": "msg"}
    return {"id": identity, "type": "debug", "z": tab, "name": name, **shown, "wires": []}


def marks(tab: str) -> list[dict[str, Any]]:
    """Nodes that print the mark of every node of a tab, and each error."""
    common = {"z": tab, "scope": None, "wires": [[f"{tab}-shown"]]}
    return [
        {"id": f"{tab}-marks", "type": "status", **common},
        {"id": f"{tab}-errors", "type": "catch", **common, "wires": [[f"{tab}-error"]]},
        debug(f"{tab}-shown", tab, "mark", "status"),
        debug(f"{tab}-error", tab, "error", "error.message"),
    ]


def test_the_parts_without_a_broker() -> None:
    """Node's own test runner on integrations/node-red/test."""
    run = subprocess.run(
        [require_node(), "--test"], cwd=PACKAGE, capture_output=True, text=True, timeout=50, check=False
    )
    assert run.returncode == 0, run.stdout
    assert "pass 0" not in run.stdout


async def test_answers_with_restarts_in_between_lose_nothing_and_send_nothing_twice(flows: Flows) -> None:
    server, phone = flows.server, flows.bridge.phone
    await server.start(example("answer"), marks("wa-answer-tab"), example("confirm"), example("send"))
    await server.until(lambda: server.output.count("text: 'connected'") >= 2)
    assert "missing" not in server.output
    phone.incoming(ANA, "one")
    await flows.has_sent("Node-RED got: one", "Done: one")
    for printed in ("[debug:result] sent", "[debug:ticks] read", "[debug:state] Ready."):
        await server.printed(printed)
    await server.stop()
    for text in ("two", "three"):
        phone.incoming(LEO, text)
    await server.start()
    await flows.has_sent("Node-RED got: three", "Done: three")
    # Killed while the second flow works, which takes it a second: only it gets the message again.
    phone.incoming(ANA, "four")
    await flows.has_sent("Node-RED got: four")
    await server.kill()
    assert "Done: four" not in flows.sent()
    phone.incoming(ANA, "five")
    await server.start()
    texts = [
        f"{start}: {text}" for start in ("Node-RED got", "Done") for text in ("one", "two", "three", "four", "five")
    ]
    await flows.has_sent(*texts)
    await server.press("wa-send-poll")
    await flows.server.until(lambda: len(phone.sent) > len(texts))
    assert isinstance(phone.sent[-1].content, Poll)
    assert flows.sent() == Counter([*texts, phone.sent[-1].text])


async def test_commands_wait_for_the_bridge_through_a_restart_of_node_red(flows: Flows) -> None:
    server = flows.server
    await server.start(example("send"), marks("wa-send-tab"), example("answer"))
    await server.printed("text: 'connected'")
    await flows.bridge.stop()
    await server.printed("The bridge was stopped.")
    await server.press("wa-send-text")
    await server.printed("waiting for a result: 1")
    await server.kill()
    await server.start()
    await server.printed("[debug:state] The bridge was stopped.")
    assert flows.probe.on("wa/haby/out") == []
    await flows.bridge.start()
    await flows.has_sent("The door is open.")
    await server.printed("status: 'sent'")
    [command] = flows.probe.on("wa/haby/out")
    assert command["to"] == "5491155500001"
    assert command["expires_at"]
    assert flows.sent() == Counter(["The door is open."])


async def test_each_fault_says_what_to_do(flows: Flows) -> None:
    def session(identity: str, **fields: Any) -> dict[str, Any]:
        known = {"broker": f"mqtt://127.0.0.1:{flows.broker.port}", "prefix": "wa", "session": "haby"}
        return {"id": identity, "type": "wa-session", "name": "", **known, **fields}

    def node(identity: str, kind: str, **fields: Any) -> dict[str, Any]:
        # without a place on the canvas Node-RED takes it for a configuration
        common = {"id": identity, "z": "tab", "name": identity, "x": 100, "y": 100, "wires": []}
        return {**common, "type": kind, "session": identity[5:], **fields}

    pressed = {"props": [{"p": "payload"}], "payload": "hola", "payloadType": "str", "wires": [["with-works"]]}
    closed = free_port()
    tab = [
        {"id": "tab", "type": "tab", "label": "faults"},
        *marks("tab"),
        session("refused"),  # without user
        session("closed", broker=f"127.0.0.1:{closed}"),
        session("absent", broker="${WA_MQTT_URL}", session="other"),
        session("address", broker="http://example.com"),
        session("works", broker="${WA_MQTT_URL}"),
        *(node(f"with-{name}", "wa status") for name in ("refused", "closed", "absent", "address", "nothing")),
        node("with-works", "wa out", to=""),
        node("press", "inject", **pressed),
        {**node("in-regex", "wa in", text="/(/"), "session": "works"},
    ]
    server = flows.server
    await server.start(tab)
    await server.printed("text: 'connected'")
    await server.press("press")
    for sentence in (
        f"The broker at 127.0.0.1:{flows.broker.port} refuses this user or password",
        f"No broker answers at 127.0.0.1:{closed}: check the address",
        "No bridge publishes wa/other/status: check the session",
        "“http://example.com” is no address of a broker",
        "Choose a session in this node.",
        "There is no recipient: fill in To",
        "The node could not start: Invalid regular expression",
    ):
        await server.printed(sentence)


async def test_the_editor_shows_the_nodes_and_their_fields(flows: Flows, browser: Browser) -> None:
    server = flows.server
    await server.start(example("answer"))
    page = await browser.new_page(locale="en-US", viewport={"width": 1280, "height": 620})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(server.url)
    await expect(page.locator("#red-ui-palette .red-ui-palette-node[data-palette-type^='wa ']")).to_have_count(3)
    await expect(page.locator("#wa-answer-status")).to_contain_text("Ready.")
    await picture(page, "node-red")
    await page.locator("#wa-answer-in").dblclick()
    await expect(page.locator("#dialog-form")).to_contain_text("Begin with")
    await picture(page, "node-red-dialog")
    assert errors == []
    await page.close()
    for language, text, field in (
        ("en-US", "Passes on each received message once", "Begin with"),
        ("es-ES", "Entrega cada mensaje recibido una sola vez", "Empezar con"),
    ):
        async with http_client(server.url) as client:
            nodes = await client.get("/nodes", headers={"Accept": "text/html", "Accept-Language": language})
            texts = await client.get(f"/locales/{NAME}/whatsapp-mqtt", params={"lng": language})
        assert text in nodes.text
        assert field in texts.text


def _keys(node: Any, path: str = "") -> set[str]:
    if not isinstance(node, dict):
        return {path}
    return {key for name, inner in node.items() for key in _keys(inner, f"{path}.{name}")}


def test_both_languages_have_the_same_texts_and_every_text_in_use_exists() -> None:
    folder = PACKAGE / "nodes/locales"
    english, spanish = (json.loads((folder / f"{name}/whatsapp-mqtt.json").read_text()) for name in ("en-US", "es-ES"))
    assert _keys(english) == _keys(spanish)
    sources = [*(PACKAGE / "lib").glob("*.js"), *(PACKAGE / "nodes").glob("whatsapp-mqtt.*")]
    used = {key for path in sources for key in re.findall(r"whatsapp-mqtt\.\w+\.\w+", path.read_text())}
    assert len(used) > 30
    assert {f".{key}" for key in used} <= _keys(english)


def test_the_sources_are_short_enough_to_read() -> None:
    sources = [path for folder in ("lib", "nodes", "test") for path in (PACKAGE / folder).rglob("*.[jh][st]*")]
    texts = {path.name: path.read_text().splitlines() for path in sources if path.suffix in (".js", ".html")}
    assert len(texts) > 8
    assert {name for name, lines in texts.items() if len(lines) > 400} == set()
    assert {name for name, lines in texts.items() if name.endswith(".js") and max(map(len, lines)) > 120} == set()
