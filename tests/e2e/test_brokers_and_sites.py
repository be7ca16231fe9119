"""The main job on the amqtt fallback broker, and with an unreachable site."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path

from bridge.client import connect
from bridge.ops.private_broker import private_broker
from bridge.sandbox import Sandbox
from tests.e2e.conftest import TIMEOUT
from tests.e2e.in_process import bridge_on, settings_for
from tests.mosquitto_server import free_port

ANA = "5491155500001"


async def test_amqtt_does_the_main_job_and_warns_that_it_is_for_trials(tmp_path: Path) -> None:
    async with (
        private_broker(tmp_path, binary=None) as broker,
        Sandbox(auto_scan=True) as sandbox,
        bridge_on(broker.address, settings_for(tmp_path, sandbox.url)),
        connect((broker.address,), name="test") as client,
    ):
        assert broker.kind == "amqtt"
        assert "trial" in (broker.warning or "")
        async with asyncio.timeout(TIMEOUT):
            async for status in client.watch_status("haby"):
                if status.state == "connected":
                    break
            result = await client.send("haby", ANA, "Hola")
            assert result.status == "sent"
            sandbox.world.incoming(f"{ANA}@c.us", "buenas")
            async for message in client.messages("haby", after=None):
                assert (message.body, message.seq) == ("buenas", 1)
                break
    gc.collect()  # a socket that the broker left open fails this test, and not a later one


async def test_an_unreachable_site_is_reported_and_recovers(tmp_path: Path) -> None:
    port = free_port()
    async with (
        private_broker(tmp_path) as broker,
        bridge_on(broker.address, settings_for(tmp_path, f"http://127.0.0.1:{port}/")),
        connect((broker.address,), name="test") as client,
    ):
        async with asyncio.timeout(TIMEOUT):
            async for status in client.watch_status("haby"):
                if status.state == "unreachable":
                    break
        assert "cannot be reached" in status.text
        assert json.loads(status.to_json())["reason"] == "site_unreachable"
        # a command waits for the session and does not fail
        waiting = asyncio.create_task(client.send("haby", ANA, "Hola", timeout=TIMEOUT))
        async with Sandbox(port=port, auto_scan=True) as sandbox:
            result = await waiting
            assert result.status == "sent"
            assert [sent.transmissions for sent in sandbox.world.state.sent.values()] == [1]
