"""What an admin asks for, over MQTT."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.contract.session import SessionState
from tests.mqtt.conftest import Side
from tests.mqtt.ear import Ear

CONTROL, RESULT = "wa/haby/control", "wa/haby/result"


async def answers(ear: Ear, command_id: str) -> list[str]:
    """Wait for the last answer to a control command; returns all."""
    await ear.wait(RESULT, lambda result: result["id"] == command_id and result["status"] in ("done", "failed"))
    return [result["status"] for result in ear.on(RESULT) if result["id"] == command_id]


async def test_close_and_init(side: Side, ear: Ear) -> None:
    await side.start()
    await ear.publish(CONTROL, {"action": "close", "id": "c"})
    assert await answers(ear, "c") == ["accepted", "done"]
    assert (await ear.state("stopped"))["reason"] == "closed_on_request"
    await ear.publish(CONTROL, {"action": "init", "id": "i"})
    assert await answers(ear, "i") == ["accepted", "done"]
    await ear.state("connected")


async def test_a_closed_session_stays_closed_over_a_restart_and_keeps_its_commands(side: Side, ear: Ear) -> None:
    await side.start()
    await ear.publish(CONTROL, {"action": "close", "id": "c"})
    await answers(ear, "c")
    await side.stop()
    await side.start(until=SessionState.STOPPED)
    await ear.publish("wa/haby/out", {"id": "a", "to": "5491155500001", "message": "Hola"})
    await ear.result("a", "accepted")
    await ear.publish(CONTROL, {"action": "init"})
    await ear.result("a", "sent")


async def test_restart_and_logout(side: Side, ear: Ear, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "bridge.mqtt")
    await side.start()
    await ear.publish(CONTROL, {"action": "restart", "id": "r"})
    assert await answers(ear, "r") == ["accepted", "done"]
    await ear.state("connected")
    await ear.publish(CONTROL, {"action": "logout", "id": "l"})
    assert await answers(ear, "l") == ["accepted", "done"]
    assert (await ear.state("logged_out"))["reason"] == "logged_out_on_request"
    assert not side.phone.paired
    asked = [(line.getMessage(), vars(line)["trace"]) for line in caplog.records if "asked for" in line.getMessage()]
    assert asked == [("haby: restart is asked for over MQTT", "r"), ("haby: logout is asked for over MQTT", "l")]


async def test_what_cannot_be_done_is_answered_with_the_reason(side: Side, ear: Ear) -> None:
    side.phone.paired = False
    await side.start(until=SessionState.PAIRING)
    await ear.publish(CONTROL, {"action": "logout", "id": "l"})
    assert await answers(ear, "l") == ["accepted", "failed"]
    failed: dict[str, Any] = await ear.wait(RESULT, lambda result: result["status"] == "failed")
    assert (failed["error"]["code"], failed["error"]["transient"]) == ("not_connected", True)


async def test_a_retained_control_command_is_ignored(side: Side, ear: Ear) -> None:
    await ear.publish(CONTROL, {"action": "close", "id": "c"}, retain=True)
    await side.start()
    await ear.barrier()
    assert not [result for result in ear.on(RESULT) if result["id"] == "c"]


async def test_a_control_command_of_an_earlier_time_is_not_carried_out(side: Side, ear: Ear) -> None:
    await side.start()
    await side.stop()
    await ear.publish(CONTROL, {"action": "close", "id": "c"})
    await side.start()
    await ear.barrier()
    assert side.session.view.situation.state is SessionState.CONNECTED
