"""Sessions that fall asleep by themselves, and what wakes them; on a whole bridge with scripted phones."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

from bridge.contract.commands import checked
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState
from bridge.contract.session_changes import BridgeCommand
from tests.app.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe

ANA = "5491155500001@c.us"


def quick(tested: BridgeUnderTest, *, after: int | None, check: int = 3600) -> None:
    """`after` and `check` are seconds."""
    tested.settings = tested.settings.model_copy(update={"sleep_after": after, "sleep_check": check})
    tested.limits = replace(tested.limits, waking=0.05, short_look=0.2)


def reason(tested: BridgeUnderTest, name: str) -> Reason:
    [found] = [host for host in tested.bridge.hosts if host.name == name]
    return found.view.situation.reason


def has_body(body: str, message: dict[str, Any]) -> bool:
    return bool(message["body"] == body)


async def test_an_idle_session_sleeps_and_a_command_or_its_time_wakes_it(
    tested: BridgeUnderTest, probe: MqttProbe
) -> None:
    quick(tested, after=1)
    await tested.start(haby=SessionState.CONNECTED, otra=SessionState.CONNECTED)
    await tested.until(lambda: reason(tested, "haby") is Reason.ASLEEP)
    status = await probe.wait("wa/haby/status", lambda status: "looks for messages" in status["text"])
    assert (status["state"], status["reason"]) == ("stopped", "asleep")
    assert "it receives nothing" in status["text"]

    await probe.publish("wa/haby/out", {"to": ANA, "message": "hola", "id": "now"})
    await probe.wait("wa/haby/result", lambda result: result["id"] == "now" and result["status"] == "sent")
    await tested.until(lambda: reason(tested, "haby") is Reason.ASLEEP)

    soon = instant(tested.bridge._clock.now() + 1.5).isoformat()
    await probe.publish("wa/haby/out", {"to": ANA, "message": "luego", "id": "timed", "send_at": soon})
    await probe.wait("wa/haby/result", lambda result: result["id"] == "timed" and result["status"] == "accepted")
    assert reason(tested, "haby") is Reason.ASLEEP  # its time has not come
    await probe.wait("wa/haby/result", lambda result: result["id"] == "timed" and result["status"] == "sent")
    assert [message.text for message in tested.phones["haby"].sent] == ["hola", "luego"]


async def test_a_sleeping_session_looks_for_messages_at_intervals(tested: BridgeUnderTest, probe: MqttProbe) -> None:
    quick(tested, after=2, check=1)
    await tested.start(haby=SessionState.CONNECTED)
    await tested.until(lambda: reason(tested, "haby") is Reason.ASLEEP)
    tested.phones["haby"].incoming(ANA, "mientras dormía")
    arrived = await probe.wait("wa/haby/in")
    assert (arrived["body"], arrived["late"]) == ("mientras dormía", True)
    await tested.until(lambda: reason(tested, "haby") is Reason.ASLEEP)
    began = asyncio.get_running_loop().time()
    await tested.until(lambda: reason(tested, "haby") is Reason.READY)
    await tested.until(lambda: reason(tested, "haby") is Reason.ASLEEP)
    assert asyncio.get_running_loop().time() - began < 2  # 1 s asleep and a short look, since there was nothing to do


async def test_messages_keep_a_session_awake_and_an_excepted_one_never_sleeps(
    tested: BridgeUnderTest, probe: MqttProbe
) -> None:
    quick(tested, after=1)
    await tested.start(haby=SessionState.CONNECTED, otra=SessionState.CONNECTED)
    command = {"action": "set_session", "session": "otra", "sleep_after": "off"}
    await tested.bridge._sessions.carry_out(checked(BridgeCommand, command))
    for number in range(6):
        tested.phones["haby"].incoming(ANA, f"{number}")
        await probe.wait("wa/haby/in", partial(has_body, f"{number}"))
        assert reason(tested, "haby") is Reason.READY
        await asyncio.sleep(0.3)
    await tested.until(lambda: reason(tested, "haby") is Reason.ASLEEP)
    assert reason(tested, "otra") is Reason.READY
    await tested.stop()
    await tested.start(otra=SessionState.CONNECTED)  # the exception is stored, and so is the sleep
    await tested.until(lambda: reason(tested, "haby") is Reason.ASLEEP)


async def test_one_that_a_person_put_to_sleep_is_not_woken_where_none_falls_asleep(tested: BridgeUnderTest) -> None:
    quick(tested, after=None, check=0)
    await tested.start(haby=SessionState.CONNECTED)
    command = {"action": "sleep", "session": "haby"}
    await tested.bridge._sessions.carry_out(checked(BridgeCommand, command))
    await asyncio.sleep(0.3)
    assert reason(tested, "haby") is Reason.ASLEEP
