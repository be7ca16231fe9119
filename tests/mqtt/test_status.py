"""The retained status: true even when the bridge cannot publish."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.payload import rfc3339
from bridge.contract.session import SessionState
from bridge.contract.status import SessionStatus
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe, mqtt_probe
from tests.mqtt.programs import bridge_program
from tests.passkey_answers import OPTIONS, SITE, answer

STATUS, QR, PASSKEY = "wa/haby/status", "wa/haby/qr", "wa/haby/passkey"


def of_other(state: str = "connected", *, age: float = 0, owner: str = "other:1") -> dict[str, Any]:
    at = rfc3339(datetime.now(UTC) - timedelta(seconds=age))
    return {
        "v": 1,
        "session": "haby",
        "state": state,
        "reason": "ready",
        "text": "",
        "since": at,
        "at": at,
        "owner": owner,
    }


async def test_the_status_is_retained_and_follows_every_state(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    await harness.start()
    harness.phone.link(up=False)
    await probe.state("reconnecting")
    harness.phone.link(up=True)
    await probe.state("connected")
    async with mqtt_probe(mosquitto.url("reader")) as late:
        status = SessionStatus.model_validate(await late.wait(STATUS))
        assert next(delivery for delivery in late.received if delivery.topic == STATUS).retain
    assert (status.state, status.interval, status.owner.split(":")[0]) == (SessionState.CONNECTED, 15, "test")
    assert status.epoch == harness.session._journal.epoch


async def test_a_clean_shutdown_is_published(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await harness.stop()
    status = await probe.state("offline")
    assert status["reason"] == "shut_down"
    assert (await probe.wait("wa/bridge/test/status", lambda bridge: bridge["state"] == "offline"))[
        "instance"
    ] == "test"


async def test_a_killed_process_is_reported_by_its_will(
    probe: MqttProbe, mosquitto: MosquittoServer, tmp_path: Path
) -> None:
    async with bridge_program(mosquitto.url("bridge"), tmp_path / "data") as program:
        await probe.state("connected", within=20)
        program.kill()
        status = await probe.state("offline")
    assert status["reason"] == "bridge_gone"
    assert (await probe.wait("wa/bridge/test/status", lambda bridge: bridge["state"] == "offline"))["v"] == 1


async def test_sigterm_publishes_offline_and_ends_the_process(
    probe: MqttProbe, mosquitto: MosquittoServer, tmp_path: Path
) -> None:
    async with bridge_program(mosquitto.url("bridge"), tmp_path / "data") as program:
        await probe.state("connected", within=20)
        program.terminate()
        assert await asyncio.wait_for(program.ended(), 10) == 0
    assert (await probe.state("offline"))["reason"] == "shut_down"


async def test_a_heartbeat_renews_the_status(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    harness.limits = replace(harness.limits, mqtt=replace(harness.limits.mqtt, heartbeat=0.2, figures=0.1))
    await harness.start()
    known = len(probe.on(STATUS))
    received = await probe.count(STATUS, known + 3)
    times = [status["at"] for status in received[known:]]
    assert times == sorted(set(times))
    assert len({status["since"] for status in received[known:]}) == 1


async def test_figures_are_published_once_a_second_at_most(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await asyncio.sleep(1.1)
    known = len(probe.on(STATUS))
    for number in range(40):
        harness.phone.incoming("5491155500001@c.us", str(number))
        await asyncio.sleep(0.05)
    await probe.wait(STATUS, lambda status: status["last_seq"] == 40)
    assert 1 <= len(probe.on(STATUS)) - known <= 4


async def test_a_code_is_retained_and_cleared_when_it_is_used(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    shown = await probe.wait(QR, lambda code: isinstance(code, dict))
    assert shown["code"].startswith("2@scripted1,")
    harness.phone.pair()
    await probe.state("connected")
    assert probe.on(QR)[-1] == b""
    async with mqtt_probe(mosquitto.url("admin")) as late:
        await late.wait(STATUS)
        assert late.on(QR) == []


async def test_a_code_of_an_earlier_run_is_cleared_at_the_start(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    async with mqtt_probe(mosquitto.url("bridge")) as other:
        for topic in (QR, PASSKEY):
            old = {"v": 1, "session": "haby", "code": "2@old", "expires_at": rfc3339(datetime.now(UTC))}
            await other.publish(topic, old, retain=True)
    await probe.wait(QR)
    await probe.wait(PASSKEY)
    await harness.start()
    assert (probe.on(QR)[-1], probe.on(PASSKEY)[-1]) == (b"", b"")


async def test_a_passkey_request_is_retained_answered_and_cleared(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    harness.phone.paired, harness.phone.compares = False, True
    await harness.start(until=SessionState.PAIRING)
    await probe.wait(QR, lambda code: isinstance(code, dict))
    harness.phone.ask_passkey(origin=SITE)
    asked = await probe.wait(PASSKEY, lambda payload: payload and payload["options"])
    assert (await probe.wait(STATUS, lambda status: status["reason"] == "passkey_required"))["state"] == "pairing"
    assert (asked["options"]["challenge"], asked["origin"], asked["code"]) == (OPTIONS["challenge"], SITE, None)
    assert probe.on(QR)[-1] == b""

    async def answered(command: dict[str, object]) -> dict[str, Any]:
        await probe.publish("wa/haby/control", command)
        result: dict[str, Any] = await probe.wait(
            "wa/haby/result", lambda result: result["id"] == command["id"] and result["status"] in ("done", "failed")
        )
        return result

    wrong = await answered({"action": "passkey", "id": "1", "response": answer(origin="https://example.org")})
    assert (wrong["error"]["code"], wrong["error"]["detail_code"]) == ("invalid", "passkey_origin")
    assert (await answered({"action": "passkey", "id": "2", "response": answer()}))["status"] == "done"
    compare = await probe.wait(PASSKEY, lambda payload: payload and payload["code"])
    assert (compare["options"], compare["line"]) == (None, None)
    wrong = await answered({"action": "passkey_confirm", "id": "3", "code": "WRONG123"})
    assert wrong["error"]["detail_code"] == "passkey_code"
    assert (await answered({"action": "passkey_confirm", "id": "4", "code": compare["code"]}))["status"] == "done"
    await probe.state("connected")
    assert probe.on(PASSKEY)[-1] == b""


async def test_a_session_of_another_owner_is_left_alone_until_it_is_offline(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    async with mqtt_probe(mosquitto.url("bridge")) as other:
        await other.publish(STATUS, of_other(), retain=True)
        await harness.start(until=SessionState.STANDBY)
        assert harness.bridge.hosts[0].session is None
        assert harness.phone.listener is None
        bridge = await probe.wait("wa/bridge/test/status")
        assert set(bridge["sessions"]) == {"haby"}
        await other.publish(STATUS, of_other("offline"), retain=True)
    await harness.until(lambda: harness.phone.listener is not None)
    await probe.state("connected")


async def test_a_bridge_started_without_a_broker_checks_the_owner_before_connecting(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    harness.limits = replace(harness.limits, ownership=0.3)
    async with mqtt_probe(mosquitto.url("bridge")) as other:
        await other.publish(STATUS, of_other(), retain=True)
    mosquitto.stop()
    harness.probe = None
    await harness.start()
    mosquitto.start()
    await harness.until(lambda: harness.bridge.hosts[0].view.situation.state is SessionState.STANDBY)
    assert harness.phone.listener is None
    async with mqtt_probe(mosquitto.url("admin")) as again:
        assert (await again.wait(STATUS))["owner"] == "other:1"


@pytest.mark.parametrize(
    "status",
    [of_other(age=46), of_other(owner=""), {"not": "ours"}, of_other("offline")],
    ids=["stale", "own", "strange", "offline"],
)
async def test_a_status_without_a_live_owner_does_not_delay_the_start(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer, status: dict[str, Any]
) -> None:
    if status.get("owner") == "":
        await harness.start()
        await harness.abort()  # no `offline`: the status still says `connected`, by this same bridge
    else:
        async with mqtt_probe(mosquitto.url("bridge")) as other:
            await other.publish(STATUS, status, retain=True)
    await harness.start()


async def test_standby_continues_while_the_broker_is_down(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    harness.limits = replace(harness.limits, ownership=0.3)
    async with mqtt_probe(mosquitto.url("bridge")) as other:
        await other.publish(STATUS, of_other(), retain=True)
    await harness.start(until=SessionState.STANDBY)
    mosquitto.stop()
    await asyncio.sleep(1.0)
    assert harness.bridge.hosts[0].view.situation.state is SessionState.STANDBY
    assert harness.phone.listener is None


async def test_the_bridge_publishes_its_own_status(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    bridge = await probe.wait("wa/bridge/test/status")
    assert (bridge["state"], bridge["instance"], bridge["interval"]) == ("online", "test", 15)
    assert next(delivery for delivery in probe.received if delivery.topic == "wa/bridge/test/status").retain is False
