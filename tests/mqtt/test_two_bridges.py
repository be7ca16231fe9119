"""Two bridges on two machines with the same session: one owns it, and nothing is sent by both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.broker import parse_addresses
from bridge.contract.session import SessionState
from bridge.settings import load
from tests.broker.relay import Relay
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import TIMEOUT, MqttProbe, mqtt_probe
from tests.mqtt.test_loss import claimed_and_killed
from tests.mqtt.test_status import of_other

STATUS = "wa/haby/status"
CONNECTED, STANDBY = SessionState.CONNECTED, SessionState.STANDBY


@pytest.fixture
async def other(tmp_path: Path, mosquitto: MosquittoServer) -> AsyncIterator[BridgeUnderTest]:
    """The second bridge; not started."""
    settings = load(WA_DATA_DIR=tmp_path / "other", WA_PACE="off", WA_INSTANCE="other")
    harness = BridgeUnderTest(settings, mosquitto.url("bridge"))
    try:
        yield harness
    finally:
        await harness.stop()


def state(harness: BridgeUnderTest) -> SessionState:
    return harness.bridge.hosts[0].view.situation.state


async def test_a_cut_off_bridge_leaves_the_session_to_the_one_that_took_over(
    harness: BridgeUnderTest, other: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    port = parse_addresses(harness.url)[0].port
    async with Relay(port) as relay:
        harness.url = harness.url.replace(f":{port}", f":{relay.port}")
        await harness.start()
        await other.start(until=STANDBY)
        relay.freeze()
        relay.cut()
        await other.until(lambda: state(other) is CONNECTED)
        await probe.wait(STATUS, lambda status: status["owner"].startswith("other:"))
        relay.thaw()
        await harness.until(lambda: state(harness) is STANDBY)
        assert harness.phone.listener is None
        await probe.barrier()
        assert state(other) is CONNECTED
        assert probe.on(STATUS)[-1]["owner"].startswith("other:")
        await harness.stop()


async def test_an_owner_whose_clock_is_behind_keeps_the_session_while_alive(
    harness: BridgeUnderTest, mosquitto: MosquittoServer
) -> None:
    harness.probe = None
    # a busy machine delays a heartbeat of this test by more than the usual half second
    harness.limits = replace(harness.limits, mqtt=replace(harness.limits.mqtt, owner_heartbeat=TIMEOUT))
    async with mqtt_probe(mosquitto.url("bridge")) as other:
        await other.publish(STATUS, of_other(age=3600), retain=True)
        await harness.start(until=None)
        async with asyncio.timeout(TIMEOUT):
            while state(harness) is not STANDBY:  # a heartbeat that comes before it listens is a retained status
                await asyncio.sleep(0.1)
                await other.publish(STATUS, of_other(age=3600), retain=True)
    assert harness.phone.listener is None


async def test_a_command_that_another_bridge_may_have_sent_is_not_sent_again(
    harness: BridgeUnderTest, other: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    """Claimed here and killed before the PUBACK: the broker delivers it to the other bridge."""
    await claimed_and_killed(harness, probe, mosquitto)
    await other.start()
    await probe.wait("wa/haby/result", lambda result: result["status"] == "sent")
    await other.stop()
    harness.phone.pair()
    await harness.start()
    await probe.wait("wa/haby/result", lambda result: result["status"] == "unknown")
    await probe.barrier()
    assert [sent.text for sent in (*other.phone.sent, *harness.phone.sent)] == ["Hola"]
