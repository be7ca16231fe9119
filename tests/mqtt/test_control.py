"""Control commands over MQTT."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.contract.jid import Jid
from bridge.contract.session import SessionState
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe

CONTROL, RESULT = "wa/haby/control", "wa/haby/result"


async def answers(probe: MqttProbe, command_id: str) -> list[str]:
    """Wait for the last answer to a control command; returns all."""
    await probe.wait(RESULT, lambda result: result["id"] == command_id and result["status"] in ("done", "failed"))
    return [result["status"] for result in probe.on(RESULT) if result["id"] == command_id]


async def test_close_and_init(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await probe.publish(CONTROL, {"action": "close", "id": "c"})
    assert await answers(probe, "c") == ["accepted", "done"]
    assert (await probe.state("stopped"))["reason"] == "closed_on_request"
    await probe.publish(CONTROL, {"action": "init", "id": "i"})
    assert await answers(probe, "i") == ["accepted", "done"]
    await probe.state("connected")


async def test_a_closed_session_stays_closed_after_a_restart_and_keeps_its_commands(
    harness: BridgeUnderTest, probe: MqttProbe
) -> None:
    await harness.start()
    await probe.publish(CONTROL, {"action": "close", "id": "c"})
    await answers(probe, "c")
    await harness.stop()
    await harness.start(until=SessionState.STOPPED)
    await probe.publish("wa/haby/out", {"id": "a", "to": "5491155500001", "message": "Hola"})
    await probe.result("a", "accepted")
    await probe.publish(CONTROL, {"action": "init"})
    await probe.result("a", "sent")


async def test_restart_and_logout(harness: BridgeUnderTest, probe: MqttProbe, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "bridge.mqtt")
    await harness.start()
    await probe.publish(CONTROL, {"action": "restart", "id": "r"})
    assert await answers(probe, "r") == ["accepted", "done"]
    await probe.state("connected")
    await probe.publish(CONTROL, {"action": "logout", "id": "l"})
    assert await answers(probe, "l") == ["accepted", "done"]
    assert (await probe.state("logged_out"))["reason"] == "logged_out_on_request"
    assert not harness.phone.paired
    logged = [(line.getMessage(), vars(line)["trace"]) for line in caplog.records if "requested" in line.getMessage()]
    assert logged == [("haby: restart requested over MQTT", "r"), ("haby: logout requested over MQTT", "l")]


async def test_a_failed_action_is_answered_with_the_reason(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    await probe.publish(CONTROL, {"action": "logout", "id": "l"})
    assert await answers(probe, "l") == ["accepted", "failed"]
    failed: dict[str, Any] = await probe.wait(RESULT, lambda result: result["status"] == "failed")
    assert (failed["error"]["code"], failed["error"]["transient"]) == ("not_connected", True)


async def test_no_pairing_code_for_a_number_that_whatsapp_refuses(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    harness.phone.paired = False
    harness.phone.missing.add(Jid.parse("5491155509999@c.us"))
    await harness.start(until=SessionState.PAIRING)
    await probe.publish(CONTROL, {"action": "init", "id": "i", "phone": "+54 11 15 5550-9999"})
    assert await answers(probe, "i") == ["accepted", "failed"]
    failed = await probe.wait(RESULT, lambda result: result["status"] == "failed")
    assert (failed["error"]["code"], failed["error"]["detail_code"]) == ("refused", "pairing_number")
    assert "Check the number" in failed["error"]["text"]


async def test_a_pairing_code_for_a_number_as_it_is_dialled_at_home(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    """Its country is that of the account that was linked before."""
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    init = {"action": "init", "phone": "011 15 5550-9999"}
    await probe.publish(CONTROL, {**init, "id": "first"})
    assert await answers(probe, "first") == ["accepted", "failed"]
    failed = await probe.wait(RESULT, lambda result: result["status"] == "failed")
    assert (failed["error"]["code"], failed["error"]["detail_code"]) == ("invalid", "not_a_phone_number")
    assert "international form, for example 5491155500001" in failed["error"]["text"]
    harness.phone.pair()
    await harness.until(lambda: harness.session.view.situation.state is SessionState.CONNECTED)
    harness.phone.log_out()
    await harness.until(lambda: harness.session.view.situation.state is SessionState.PAIRING)
    await probe.publish(CONTROL, {**init, "id": "second"})
    assert await answers(probe, "second") == ["accepted", "done"]
    assert harness.phone.link_code == "L5509999"


async def test_a_retained_control_command_is_refused_and_not_executed(
    harness: BridgeUnderTest, probe: MqttProbe
) -> None:
    await probe.publish(CONTROL, {"action": "close", "id": "c"}, retain=True)
    await harness.start()
    await probe.barrier()
    (result,) = [result for result in probe.on(RESULT) if result["id"] == "c"]
    assert (result["status"], result["error"]["code"]) == ("failed", "retained")
    assert harness.session.view.situation.state is SessionState.CONNECTED


async def test_an_old_control_command_is_not_executed(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await harness.stop()
    await probe.publish(CONTROL, {"action": "close", "id": "c"})
    await harness.start()
    await probe.barrier()
    assert harness.session.view.situation.state is SessionState.CONNECTED
