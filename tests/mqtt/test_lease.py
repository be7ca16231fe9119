"""Two bridges that share a session, on one broker: the lease decides, and a frozen or cut owner never overlaps."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.broker import parse_addresses
from bridge.contract.lifecycle import SendState
from bridge.contract.session import Reason, SessionState
from bridge.core.lease import LeaseTimes, placement
from bridge.drivers.scripted import ScriptedPhone, SendMode
from bridge.settings import load
from tests.broker.relay import Relay
from tests.forked import CompletedCommand, run_forked
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.conftest import QUICK, BridgeUnderTest
from tests.mqtt.probe import MqttProbe

STATUS, LEASE = "wa/haby/status", "wa/haby/lease"
BRIDGES = ("north", "south")
CONNECTED, STANDBY = SessionState.CONNECTED, SessionState.STANDBY
#: A twentieth of the product's times; the proportions are the same.
TIMES = LeaseTimes(duration=2.1, renewal=0.5, settle=0.6, margin=0.1, closing=0.4, stagger=0.25, retained=0.2)
FIRST, SECOND = placement("haby", BRIDGES)


class SharedPhones:
    """Whether two phones of the session were driven at the same time."""

    def __init__(self, *phones: ScriptedPhone) -> None:
        self._phones = phones
        self.overlaps = 0

    async def watch(self) -> None:
        while True:
            self.overlaps += sum(phone.listener is not None for phone in self._phones) > 1
            await asyncio.sleep(0.005)


@pytest.fixture
async def pair(tmp_path: Path, mosquitto: MosquittoServer) -> AsyncIterator[dict[str, BridgeUnderTest]]:
    """Both bridges, not started, by name."""
    bridges = {}
    for name in BRIDGES:
        settings = load(WA_DATA_DIR=tmp_path / name, WA_PACE="off", WA_INSTANCE=name, WA_BRIDGES=",".join(BRIDGES))
        bridges[name] = BridgeUnderTest(settings, mosquitto.url("bridge"))
        bridges[name].limits = replace(QUICK, lease=TIMES, mqtt=replace(QUICK.mqtt, heartbeat=0.5))
    phones = SharedPhones(*(bridge.phone for bridge in bridges.values()))
    watching = asyncio.create_task(phones.watch(), name="overlaps")
    try:
        yield bridges
        assert phones.overlaps == 0
    finally:
        watching.cancel()
        for bridge in bridges.values():
            await bridge.stop()


def state(harness: BridgeUnderTest) -> SessionState:
    return harness.bridge.hosts[0].view.situation.state


async def test_the_first_in_the_placement_runs_it_and_a_stop_hands_it_over_at_once(
    pair: dict[str, BridgeUnderTest], probe: MqttProbe
) -> None:
    first, second = pair[FIRST], pair[SECOND]
    # it would wait so long for the end of a lease that is not released
    second.limits = replace(second.limits, lease=replace(TIMES, duration=60.0))
    await second.start(until=None)
    await first.start()
    assert state(second) is STANDBY
    await probe.wait(f"wa/bridge/{SECOND}/status", lambda status: "haby" in (status.get("standby") or {}))
    claim = await probe.wait(LEASE, lambda claim: claim["state"] == "owned")
    assert (claim["owner"].partition(":")[0], claim["term"]) == (FIRST, 1)
    await first.stop()
    await second.until(lambda: state(second) is CONNECTED)
    assert [claim["state"] for claim in probe.on(LEASE) if claim["term"] == 1][-1] == "released"


async def test_an_owner_cut_off_from_the_broker_stops_before_the_other_starts_and_steps_back_afterwards(
    pair: dict[str, BridgeUnderTest], mosquitto: MosquittoServer
) -> None:
    first, second = pair[FIRST], pair[SECOND]
    port = parse_addresses(first.url)[0].port
    async with Relay(port) as relay:
        first.url = first.url.replace(f":{port}", f":{relay.port}")
        await first.start()
        await second.start(until=STANDBY)
        relay.freeze()
        await first.until(lambda: state(first) is STANDBY)
        assert first.phone.listener is None
        await second.until(lambda: state(second) is CONNECTED)
        relay.thaw()
        await asyncio.sleep(2 * TIMES.duration)
        assert (state(first), state(second)) == (STANDBY, CONNECTED)
        await first.stop()


async def test_without_a_broker_no_bridge_runs_it_and_the_owner_gets_it_back(
    pair: dict[str, BridgeUnderTest], mosquitto: MosquittoServer
) -> None:
    first, second = pair[FIRST], pair[SECOND]
    await first.start()
    await second.start(until=STANDBY)
    mosquitto.stop()
    await first.until(lambda: state(first) is STANDBY)
    assert first.bridge.hosts[0].view.situation.reason is Reason.WAITING_FOR_LEASE
    mosquitto.start()
    await first.until(lambda: CONNECTED in (state(first), state(second)))


async def test_a_session_is_handed_over_on_request(pair: dict[str, BridgeUnderTest], probe: MqttProbe) -> None:
    first, second = pair[FIRST], pair[SECOND]
    await first.start()
    await second.start(until=STANDBY)
    command = {"action": "hand_over", "session": "haby", "to": SECOND, "id": "h1"}
    await probe.publish(f"wa/bridge/{FIRST}/control", json.dumps(command))
    result = await probe.wait(f"wa/bridge/{FIRST}/control/result", lambda result: result["id"] == "h1")
    assert (result["status"], SECOND in result["text"]) == ("done", True)
    await second.until(lambda: state(second) is CONNECTED)
    await asyncio.sleep(2 * TIMES.duration)
    assert (state(first), state(second)) == (STANDBY, CONNECTED)


async def test_a_single_bridge_keeps_working_without_a_broker(
    harness: BridgeUnderTest, mosquitto: MosquittoServer
) -> None:
    harness.probe = None
    await harness.start()
    mosquitto.stop()
    await asyncio.sleep(2 * TIMES.duration)
    assert state(harness) is CONNECTED


async def test_what_a_dead_owner_may_have_sent_is_unknown_when_its_sender_repeats_it(
    pair: dict[str, BridgeUnderTest], probe: MqttProbe
) -> None:
    first, second = pair[FIRST], pair[SECOND]
    await first.start()
    await second.start(until=STANDBY)
    await asyncio.sleep(0.3)  # the standby reads the commands by now
    first.phone.send_mode = SendMode.PENDING
    command = json.dumps({"id": "order-1", "to": "5491155500001", "message": "Hola"})
    await probe.publish("wa/haby/out", command)
    await probe.wait("wa/haby/result", lambda result: (result["id"], result["status"]) == ("order-1", "accepted"))
    await first.abort()
    await second.until(lambda: state(second) is CONNECTED)
    await probe.wait("wa/haby/result", lambda result: (result["id"], result["status"]) == ("order-1", "unknown"))
    await probe.publish("wa/haby/out", command)
    await probe.publish("wa/haby/out", json.dumps({"id": "order-2", "to": "5491155500001", "message": "Chau"}))
    await probe.wait("wa/haby/result", lambda result: (result["id"], result["status"]) == ("order-2", "sent"))
    assert [sent.text for sent in second.phone.sent] == ["Chau"]


async def test_a_repetition_of_what_a_dead_owner_has_sent_gets_its_result(
    pair: dict[str, BridgeUnderTest], probe: MqttProbe
) -> None:
    """Its sender did not get the result, as where its connection broke with the owner's machine."""
    first, second = pair[FIRST], pair[SECOND]
    await first.start()
    await second.start(until=STANDBY)
    await asyncio.sleep(0.3)  # the standby reads commands and results by now
    command = json.dumps({"id": "order-1", "to": "5491155500001", "message": "Hola"})
    await probe.publish("wa/haby/out", command)
    sent = await probe.wait("wa/haby/result", lambda result: (result["id"], result["status"]) == ("order-1", "sent"))
    await first.abort()
    await second.until(lambda: state(second) is CONNECTED)
    count = len(probe.on("wa/haby/result"))
    await probe.publish("wa/haby/out", command)
    await probe.publish("wa/haby/out", json.dumps({"id": "order-2", "to": "5491155500001", "message": "Chau"}))
    await probe.wait("wa/haby/result", lambda result: (result["id"], result["status"]) == ("order-2", "sent"))
    assert [sent.text for sent in second.phone.sent] == ["Chau"]
    [repeated] = [result for result in probe.on("wa/haby/result")[count:] if result["id"] == "order-1"]
    assert (repeated["status"], repeated["message_id"]) == ("sent", sent["message_id"])


async def test_a_start_that_fails_and_a_restart_do_not_forget_that_another_bridge_had_the_session(
    pair: dict[str, BridgeUnderTest], probe: MqttProbe
) -> None:
    first, second = pair[FIRST], pair[SECOND]
    await second.start()
    later = datetime.now(UTC) + timedelta(minutes=5)
    command = {"id": "order-1", "to": "5491155500001", "message": "Hola", "send_at": later.isoformat()}
    await probe.publish("wa/haby/out", json.dumps(command))
    await probe.wait("wa/haby/result", lambda result: (result["id"], result["status"]) == ("order-1", "accepted"))
    await second.abort()
    await first.start()  # it may get the command from its sender, and sends it
    await first.abort()
    usual = second.limits
    second.limits = replace(usual, least_free=2**62)  # as on a full disk
    await second.start(until=SessionState.ERROR)
    await second.abort()
    second.limits = usual
    await second.start()
    assert second.session.outbound.is_open
    await probe.wait("wa/haby/result", lambda result: (result["id"], result["status"]) == ("order-1", "unknown"))
    assert second.phone.sent == []
    await second.stop()
    await second.start()  # what was taken over is not taken over again
    later_command = json.dumps({**command, "id": "order-2"})
    await probe.publish("wa/haby/out", later_command)
    await probe.wait("wa/haby/result", lambda result: result["id"] == "order-2")
    await second.stop()
    await second.start()
    row = await second.bridge.hosts[0].outbox.get("order-2")  # type: ignore[union-attr]
    assert row is not None
    assert row.state is SendState.ACCEPTED


async def test_a_bridge_that_cannot_open_its_store_leaves_the_session_to_the_other(
    pair: dict[str, BridgeUnderTest],
) -> None:
    first, second = pair[FIRST], pair[SECOND]
    first.limits = replace(first.limits, retry=0.1, least_free=2**62)
    await first.start(until=SessionState.ERROR)
    await second.start(until=None)
    await second.until(lambda: state(second) is CONNECTED)


async def _move(bridge: BridgeUnderTest, *arguments: str) -> CompletedCommand:
    """`wa session move haby SECOND` beside a bridge."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    settings = bridge.settings
    environment |= {"WA_DATA_DIR": str(settings.data_dir), "WA_MQTT_URL": bridge.url, "WA_DRIVER": "scripted"}
    environment |= {"WA_INSTANCE": settings.instance, "WA_BRIDGES": ",".join(BRIDGES)}
    return await run_forked(("session", "move", "haby", SECOND, *arguments), environment, settings.data_dir)


async def test_a_move_that_fails_leaves_the_session_where_it_was(
    pair: dict[str, BridgeUnderTest], tmp_path: Path, probe: MqttProbe
) -> None:
    first, second = pair[FIRST], pair[SECOND]
    await first.start()
    file = tmp_path / "a file"
    file.touch()
    done = await _move(first, "-o", str(file))
    assert (done.code, "exists: choose another file" in done.err) == (2, True), done
    assert [claim["state"] for claim in probe.on(LEASE) if claim["state"] == "released"] == []
    done = await _move(first, "-o", str(file / "moved.tar.gz"))
    assert (done.code, "opens here again" in done.out) == (1, True), done
    await first.until(lambda: state(first) is CONNECTED)
    assert second.running is None


async def test_a_move_that_was_interrupted_goes_on_when_it_is_repeated(
    pair: dict[str, BridgeUnderTest], tmp_path: Path, probe: MqttProbe
) -> None:
    first = pair[FIRST]
    await first.start()
    command = {"action": "hand_over", "session": "haby", "to": SECOND, "id": "h1"}
    await probe.publish(f"wa/bridge/{FIRST}/control", json.dumps(command))
    await probe.wait(LEASE, lambda claim: claim["state"] == "released")
    archive = tmp_path / "moved.tar.gz"
    done = await _move(first, "-o", str(archive), "--wait", "0")
    assert (done.code, archive.exists()) == (7, True), done
