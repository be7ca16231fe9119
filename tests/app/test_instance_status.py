"""Two bridges with one host name on one broker: neither ends the other's connections or overwrites its status."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Literal

import pytest

from bridge.app.clock import SystemClock
from bridge.app.instance_status import InstanceStatus
from bridge.broker import BrokerOptions, parse_addresses
from bridge.contract.payload import instant
from bridge.contract.session import SessionState
from bridge.contract.session_changes import BridgeCommand
from bridge.contract.status import BridgeStatus
from bridge.contract.topics import Topics
from bridge.settings import load
from tests.app.conftest import BridgeUnderTest
from tests.broker.relay import Relay
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import MqttProbe, mqtt_probe

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


async def test_a_command_to_the_bridge_is_finished_where_its_connection_is_lost(mosquitto: MosquittoServer) -> None:
    began, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slowly(command: BridgeCommand) -> None:
        began.set()
        await go_on.wait()
        done.set()

    def status(name: str, state: Literal["online", "offline"]) -> BridgeStatus:
        now = instant(0.0)
        return BridgeStatus(
            instance=name, owner="test:aa", version="0", state=state, started_at=now, sessions={}, at=now
        )

    [address] = parse_addresses(mosquitto.url("bridge"))
    async with Relay(address.port) as relay, mqtt_probe(mosquitto.url("admin")) as probe:
        through = parse_addresses(mosquitto.url("bridge", port=relay.port))
        stopping = asyncio.Event()
        bridge_status = InstanceStatus(
            "test:aa",
            status,
            broker=BrokerOptions(through, client_id="status", clean=True),
            topics=Topics(),
            heartbeat=5,
            stopping=stopping,
            due=asyncio.Event(),
            carry_out=slowly,
            clock=SystemClock(),
        )
        running = asyncio.create_task(bridge_status.run(), name="bridge status")
        await probe.wait(NAME, lambda status: status["state"] == "online")
        await probe.publish("wa/bridge/test/control", json.dumps({"action": "sleep", "session": "haby", "id": "1"}))
        await asyncio.wait_for(began.wait(), 10)
        relay.cut()
        await probe.wait(NAME, lambda status: status["state"] == "offline")  # its will
        go_on.set()
        await asyncio.wait_for(done.wait(), 10)
        stopping.set()
        await asyncio.wait_for(running, 10)
