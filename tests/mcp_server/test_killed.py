"""SIGKILL of the bridge, of `wa mcp`, and of the agent's own program: a send leaves once, or is said not sent.

Everything is real but WhatsApp, which is the sandbox: `wa bridge` with Chromium, `wa mcp`, the SDK's client on stdio.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from bridge.app.clock import SystemClock
from bridge.http.credentials import grant_of, new_key
from bridge.ports import Right, Scope
from bridge.sandbox import Sandbox
from bridge.store import BridgeStore
from tests.http.conftest import ANA, HttpBridge
from tests.http.test_agents import APPROVALS, agent_key, until
from tests.http.test_agents import names as task_names
from tests.http.test_killed import TIMEOUT, Scene
from tests.mcp_server.test_wa_mcp import ROOT, call, connected, environment
from tests.mosquitto_server import MosquittoServer

if TYPE_CHECKING:
    from mcp import ClientSession

#: States of a send that WhatsApp has taken; the ticks follow by themselves.
LEFT = frozenset({"sent", "device", "read"})
#: `wa bridge` that sends itself SIGKILL after the call that the file WA_TEST_DEATH names, once.
DYING_BRIDGE = """
import os, signal
from pathlib import Path
from bridge.cli import main
from bridge.core.outbound import OutboundPipeline
from bridge.drivers.web.driver import WebDriver
from bridge.store.agents import SqliteProposalRepository

armed = Path(os.environ["WA_TEST_DEATH"])

def dies_after(step, owner, name):
    call = getattr(owner, name)
    async def wrapped(*arguments, **more):
        answer = await call(*arguments, **more)
        if armed.exists() and armed.read_text() == step:
            armed.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    setattr(owner, name, wrapped)

dies_after("approved", SqliteProposalRepository, "decide")
dies_after("claimed", OutboundPipeline, "submit")
dies_after("sent", WebDriver, "send")
main()
"""


class AgentScene(Scene):
    """A bridge with an agent's key, and a person's for `client`."""

    def __init__(self, folder: Path, sandbox: Sandbox, broker: MosquittoServer) -> None:
        super().__init__(folder, sandbox, broker, ("-c", DYING_BRIDGE, "bridge"))
        self.death = folder / "death"
        self.bridge.environment["WA_TEST_DEATH"] = str(self.death)
        self.store_file = folder / "data/bridge.db"
        self.key = ""

    async def make_keys(self) -> None:
        now = SystemClock().now()
        agents = new_key("claude", [], None, now, grant_of({ANA: [Right.READ_NEW, Right.REPLY]}, approval=True))
        persons = new_key("person", [Scope.ADMIN], None, now)
        async with BridgeStore(self.store_file, now=SystemClock().now) as store:
            for made in (agents, persons):
                await store.access.add_key(made.key)
        self.key = agents.text
        self.headers = {"x-api-key": persons.text}

    def agent(self) -> Agent:
        return Agent({"WA_MCP_URL": self.url, "WA_MCP_KEY": self.key}, self.folder)

    async def decide(self) -> int | None:
        """Approve the send that waits; the HTTP status, None if the bridge died meanwhile."""
        async with self.client() as person:
            (waiting,) = (await person.get(APPROVALS)).json()["approvals"]
            try:
                return (await person.post(f"{APPROVALS}/{waiting['number']}/approve")).status_code
            except httpx.TransportError:
                return None

    async def ended(self) -> None:
        """Wait until the bridge is dead by its own hand."""
        await self.until(lambda: not self.bridge.is_running, "the bridge ends")
        self.bridge.end()


class Agent:
    """An agent's `wa mcp`, by the SDK's client; `kill` is SIGKILL of `wa mcp`."""

    def __init__(self, given: dict[str, str], folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
        self._connected = connected({**kept, "PYTHONPATH": str(ROOT), **given}, folder)
        self._open = AsyncExitStack()
        self.session: ClientSession

    async def __aenter__(self) -> Agent:
        before = set(psutil.Process().children())
        self.session = await self._open.enter_async_context(self._connected)
        (self.process,) = set(psutil.Process().children()) - before
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    async def send(self, text: str, send_id: str) -> Any:
        return await call(self.session, "send", chat=ANA, text=text, id=send_id)

    async def becomes(self, text: str, send_id: str, states: frozenset[str]) -> Any:
        """Ask again and again, as an agent does, until the send is in one of these states."""
        end = time.monotonic() + TIMEOUT
        while True:
            result = await self.session.call_tool("send", {"chat": ANA, "text": text, "id": send_id})
            shown = result.structuredContent or {}
            if not result.isError and shown["state"] in states:
                return shown
            assert time.monotonic() < end, result
            await asyncio.sleep(0.1)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[AgentScene]:
    with MosquittoServer(tmp_path / "mosquitto") as broker:
        async with Sandbox(auto_scan=True) as sandbox:
            scene = AgentScene(tmp_path, sandbox, broker)
            await scene.make_keys()
            scene.bridge.start()
            try:
                await scene.connected()
                scene.world.incoming(ANA, "¿a qué hora abren?")
                yield scene
            finally:
                scene.bridge.end()


async def test_a_bridge_that_is_killed_after_each_step_of_an_approval_sends_once(scene: AgentScene) -> None:
    async with scene.agent() as agent:
        for step in ("approved", "claimed", "sent"):
            assert (await agent.send(f"a las 9 ({step})", step))["state"] == "waiting_for_approval"
            scene.death.write_text(step)
            # the answer may be there before the message is in WhatsApp
            assert await scene.decide() in (None, 200)
            await scene.ended()
            before = dict(scene.sent())
            assert before.get(f"a las 9 ({step})", 0) == (1 if step == "sent" else 0)
            scene.bridge.start()
            await scene.connected()
            await agent.becomes(f"a las 9 ({step})", step, LEFT)
        # each is asked for once more, and the bridge starts once more
        scene.bridge.end()
        scene.bridge.start()
        await scene.connected()
        for step in ("approved", "claimed", "sent"):
            await agent.becomes(f"a las 9 ({step})", step, LEFT)
    assert scene.sent() == {f"a las 9 ({step})": 1 for step in ("approved", "claimed", "sent")}


async def test_an_approval_whose_hour_passed_while_the_bridge_was_down_is_said_not_sent(scene: AgentScene) -> None:
    async with scene.agent() as agent:
        await agent.send("ya es tarde", "late")
        scene.death.write_text("approved")
        assert await scene.decide() is None
        await scene.ended()
        with sqlite3.connect(scene.store_file) as store:
            store.execute("UPDATE proposals SET decided_at = ?", (time.time() - 3601,))
        store.close()
        scene.bridge.start()
        await scene.connected()
        shown = await agent.becomes("ya es tarde", "late", frozenset({"failed"}))
        assert shown["error"].endswith("so it was not sent.")
    assert scene.sent() == {}


async def test_a_killed_wa_mcp_neither_loses_a_send_nor_repeats_it(scene: AgentScene) -> None:
    from mcp import McpError

    async with scene.agent() as agent:
        assert (await agent.send("a las 9", "1"))["state"] == "waiting_for_approval"
        agent.kill()
        with pytest.raises(McpError):
            await agent.send("a las 9", "1")
    assert await scene.decide() == 200
    async with scene.agent() as agent:
        await agent.becomes("a las 9", "1", LEFT)
        asking = asyncio.create_task(agent.send("a las 10", "2"))
        await asyncio.sleep(0)
        agent.kill()  # while the request is under way, or before it is
        with pytest.raises(McpError):
            await asking
    async with scene.agent() as agent:
        assert (await agent.send("a las 10", "2"))["state"] == "waiting_for_approval"
        assert await scene.decide() == 200
        await agent.becomes("a las 10", "2", LEFT)
    assert scene.sent() == {"a las 9": 1, "a las 10": 1}


def waits() -> bool:
    return "agent waits" in task_names()


async def test_a_killed_wa_mcp_ends_what_it_waited_for(started: HttpBridge, tmp_path: Path) -> None:
    from mcp import McpError

    key = await agent_key(started, {ANA: ["read_new"]})
    async with Agent({"WA_MCP_URL": started.url, "WA_MCP_KEY": key}, tmp_path) as agent:
        waiting = asyncio.create_task(call(agent.session, "wait_for_reply", chat=ANA, seconds=600))
        await until(waits)
        agent.kill()
        with pytest.raises(McpError):
            await waiting
        await until(lambda: not waits())


async def test_an_agents_program_that_is_killed_while_it_waits_takes_wa_mcp_with_it(
    started: HttpBridge, tmp_path: Path
) -> None:
    key = await agent_key(started, {ANA: ["read_new"]})
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WAITER), cwd=ROOT, env=environment(started, tmp_path, WA_MCP_KEY=key)
    )
    try:
        await until(waits, within=60)  # two programs start, one after the other
        children = psutil.Process(program.pid).children(recursive=True)
        assert children
    finally:
        program.kill()
        await program.wait()
    await until(lambda: not waits() and not psutil.wait_procs(children, timeout=0)[1])


WAITER = f"""
import asyncio, os
from pathlib import Path
from tests.mcp_server.test_killed import Agent, call

async def main():
    given = {{name: value for name, value in os.environ.items() if name.startswith("WA_MCP")}}
    async with Agent(given, Path.cwd()) as agent:
        await call(agent.session, "wait_for_reply", chat={ANA!r}, seconds=600)

asyncio.run(main())
"""
