"""Two bridges on two machines are configured with one session: one has it, and nothing is sent by both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.broker import parse_addresses
from bridge.contract.session import SessionState
from bridge.settings import load
from tests.broker.relay import Relay
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.conftest import Side
from tests.mqtt.ear import Ear, hearing
from tests.mqtt.test_loss import claimed_and_killed
from tests.mqtt.test_status import of_other

STATUS = "wa/haby/status"
CONNECTED, STANDBY = SessionState.CONNECTED, SessionState.STANDBY


@pytest.fixture
async def other(tmp_path: Path, mosquitto: MosquittoServer) -> AsyncIterator[Side]:
    """The second bridge; not started."""
    settings = load(WA_DATA_DIR=tmp_path / "other", WA_PACE="off", WA_INSTANCE="other")
    side = Side(settings, mosquitto.url("bridge"))
    try:
        yield side
    finally:
        await side.stop()


def state(side: Side) -> SessionState:
    return side.bridge.hosts[0].view.situation.state


async def test_who_was_cut_off_leaves_the_session_to_who_took_it_over(
    side: Side, other: Side, ear: Ear, mosquitto: MosquittoServer
) -> None:
    port = parse_addresses(side.url)[0].port
    async with Relay(port) as relay:
        side.url = side.url.replace(f":{port}", f":{relay.port}")
        await side.start()
        await other.start(until=STANDBY)
        relay.freeze()
        relay.cut()
        await other.until(lambda: state(other) is CONNECTED)
        await ear.wait(STATUS, lambda status: status["owner"].startswith("other:"))
        relay.thaw()
        await side.until(lambda: state(side) is STANDBY)
        assert side.phone.listener is None
        await ear.barrier()
        assert state(other) is CONNECTED
        assert ear.on(STATUS)[-1]["owner"].startswith("other:")
        await side.stop()


async def test_an_owner_whose_clock_is_behind_ours_is_left_alone_while_it_lives(
    side: Side, mosquitto: MosquittoServer
) -> None:
    side.ear = None
    async with hearing(mosquitto.url("bridge")) as other:
        await other.publish(STATUS, of_other(age=3600), retain=True)
        await side.start(until=None)
        await asyncio.sleep(0.2)  # it looks for a sign of life by now
        await other.publish(STATUS, of_other(age=3600), retain=True)
        await side.until(lambda: state(side) is STANDBY)
    assert side.phone.listener is None


async def test_what_another_bridge_may_have_sent_is_not_sent_again(
    side: Side, other: Side, ear: Ear, mosquitto: MosquittoServer
) -> None:
    """Claimed here, and killed before the PUBACK: the broker gives it to the other one."""
    await claimed_and_killed(side, ear, mosquitto)
    await other.start()
    await ear.wait("wa/haby/result", lambda result: result["status"] == "sent")
    await other.stop()
    side.phone.pair()
    await side.start()
    await ear.wait("wa/haby/result", lambda result: result["status"] == "unknown")
    await ear.barrier()
    assert [sent.text for sent in (*other.phone.sent, *side.phone.sent)] == ["Hola"]
