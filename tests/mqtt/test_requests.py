"""Requests on the wire: done once, answered on the response and the reply topic, whatever they hold."""

from __future__ import annotations

from bridge.contract.jid import Jid
from bridge.contract.session import SessionState
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe

ANA = "5491155500001@c.us"
REQUEST, RESPONSE, REPLY = "wa/haby/request", "wa/haby/response", "wa/haby/reply/till"


async def test_a_request_is_carried_out_and_answered_on_both_topics(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    harness.phone.chats = {Jid.parse(ANA)}
    await harness.start()
    request = {"id": "r1", "action": "typing", "to": "+54 911 5550-0001", "reply_topic": REPLY, "transaction": "t"}
    await probe.publish(REQUEST, request)
    response = await probe.wait(RESPONSE, lambda one: one["id"] == "r1")
    assert {name: response[name] for name in ("action", "status", "error", "transaction")} == {
        "action": "typing",
        "status": "done",
        "error": None,
        "transaction": "t",
    }
    assert await probe.wait(REPLY, lambda one: one["id"] == "r1") == response
    assert harness.phone.typing == {Jid.parse(ANA)}


async def test_bad_requests_are_answered_with_what_is_wrong(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    for payload in (
        {"id": "a", "action": "typing"},
        {"id": "b", "action": "coins.toss"},
        {"id": "c"},
        {"id": "d", "action": "typing", "to": ANA, "second": 3},
        {"id": "e", "action": "typing", "to": ANA, "reply_topic": "wa/other/reply/till"},
    ):
        await probe.publish(REQUEST, payload)
    answers = {}
    for request_id in "abcde":
        answer = await probe.wait(RESPONSE, lambda one, wanted=request_id: one["id"] == wanted)  # type: ignore[misc]
        answers[request_id] = (answer["status"], answer["error"]["code"], answer["error"]["text"])
    assert answers["a"] == ("failed", "invalid", "Refused: to is missing.")
    assert answers["b"] == ("failed", "unsupported", "There is no action 'coins.toss': typing.")
    assert answers["c"] == ("failed", "invalid", "Refused: action is missing.")
    assert answers["d"][2] == "Refused: second is not a known field."
    assert "reply_topic must be wa/haby/reply/<client>" in answers["e"][2]


async def test_what_is_no_request_gets_an_answer_too(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await probe.publish(REQUEST, "no JSON")
    answer = await probe.wait(RESPONSE, lambda one: one["action"] is None)
    assert (answer["status"], answer["error"]["code"]) == ("failed", "invalid")


async def test_a_session_that_is_not_connected_says_so(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    harness.phone.link(up=False)
    await harness.until(lambda: harness.session.view.situation.state is not SessionState.CONNECTED)
    await probe.publish(REQUEST, {"id": "r1", "action": "typing", "to": ANA})
    answer = await probe.wait(RESPONSE, lambda one: one["id"] == "r1")
    assert (answer["status"], answer["error"]["code"], answer["error"]["transient"]) == (
        "failed",
        "not_connected",
        True,
    )
