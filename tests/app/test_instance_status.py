"""Two bridges with one host name on one broker: neither ends the other's connections or overwrites its status."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.contract.session import SessionState
from bridge.settings import load
from tests.app.conftest import BridgeUnderTest
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import MqttProbe

NAME = "wa/bridge/test/status"
CONNECTED = SessionState.CONNECTED


async def test_the_later_of_two_bridges_with_one_name_renames_itself(
    tested: BridgeUnderTest,
    probe: MqttProbe,
    mosquitto: MosquittoServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await tested.start(haby=CONNECTED)
    first = await probe.wait(NAME)
    settings = load(WA_DATA_DIR=tmp_path / "other", WA_PACE="off", WA_INSTANCE="test", WA_SESSIONS="ventas=53")
    other = BridgeUnderTest(settings, mosquitto.url("bridge"))
    try:
        await other.start(ventas=CONNECTED)
        mark = (settings.data_dir / "bridge-id").read_text()
        renamed = await probe.wait(f"wa/bridge/test-{mark}/status", lambda status: status["state"] == "online")
        assert (renamed["instance"], list(renamed["sessions"])) == (f"test-{mark}", ["ventas"])
        assert "set WA_INSTANCE" in caplog.text
        await probe.barrier()
        newest = probe.on(NAME)[-1]
        assert (newest["owner"], newest["state"], list(newest["sessions"])) == (
            first["owner"],
            "online",
            ["haby", "otra"],
        )
    finally:
        await other.stop()
    await probe.wait(f"wa/bridge/test-{mark}/status", lambda status: status["state"] == "offline")
    assert probe.on(NAME)[-1]["state"] == "online"
    assert mosquitto.log.count("already connected") == 0


async def test_a_bridge_that_was_killed_keeps_its_name(tested: BridgeUnderTest, probe: MqttProbe) -> None:
    await tested.start(haby=CONNECTED)
    await probe.wait(NAME, lambda status: status["state"] == "online")
    assert tested.running is not None
    running, tested.running = tested.running, None
    running.cancel()
    await asyncio.wait([running])
    before = max((status["at"] for status in probe.on("wa/haby/status")), default="")
    await tested.start(haby=CONNECTED)
    await probe.wait("wa/haby/status", lambda status: status["state"] == "connected" and status["at"] > before)
    await probe.barrier()
    assert {delivery.topic for delivery in probe.received if "/bridge/" in delivery.topic} == {NAME}
    assert probe.on(NAME)[-1]["state"] == "online"
