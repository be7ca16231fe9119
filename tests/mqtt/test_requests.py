"""Requests on the wire: done once, answered on the response and the reply topic, whatever they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.contract.errors import LimitReached
from bridge.contract.jid import Jid
from bridge.contract.requests import BY_ACTION
from bridge.contract.session import SessionState
from bridge.ports import IncomingEvent
from tests.mosquitto_server import SHIPPED, MosquittoServer
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe, mqtt_probe

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


async def test_a_number_as_it_is_dialled_at_home_is_understood(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    harness.phone.chats = {Jid.parse(ANA)}
    await harness.start()
    await probe.publish(REQUEST, {"id": "r1", "action": "typing", "to": "011 15 5550-0001"})
    response = await probe.wait(RESPONSE, lambda one: one["id"] == "r1")
    assert (response["status"], response["error"]) == ("done", None)
    assert harness.phone.typing == {Jid.parse(ANA)}
    await probe.publish(REQUEST, {"id": "r2", "action": "typing", "to": "011 5550"})
    response = await probe.wait(RESPONSE, lambda one: one["id"] == "r2")
    assert (response["error"]["code"], response["error"]["detail_code"]) == ("invalid", "not_a_phone_number")


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
    assert answers["b"] == (
        "failed",
        "unsupported",
        f"There is no action 'coins.toss'. The actions are: {', '.join(sorted(BY_ACTION))}.",
    )
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


async def test_retained_requests_are_ignored(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    """They come again at every start of the bridge."""
    await probe.publish(REQUEST, {"id": "old", "action": "typing", "to": ANA}, retain=True)
    await harness.start()
    await probe.publish(REQUEST, {"id": "new", "action": "typing"})
    await probe.wait(RESPONSE, lambda one: one["id"] == "new")
    assert [one["id"] for one in probe.on(RESPONSE)] == ["new"]


@pytest.mark.parametrize("denied", ["wa/haby/reply/#", "wa/haby/response"])
async def test_an_answer_that_the_broker_refuses_ends_nothing(
    harness: BridgeUnderTest, tmp_path: Path, caplog: pytest.LogCaptureFixture, denied: str
) -> None:
    rules = (SHIPPED / "acl").read_text().replace("user bridge\n", f"user bridge\ntopic deny {denied}\n")
    (tmp_path / "acl").write_text(rules)
    with MosquittoServer(tmp_path / "strict", acl=tmp_path / "acl") as strict:
        harness.settings = harness.settings.model_copy(update={"mqtt_protocol": "5"})
        harness.url, harness.probe = strict.url("bridge"), None
        harness.phone.chats = {Jid.parse(ANA)}
        await harness.start()
        async with mqtt_probe(strict.url("admin")) as probe:
            await probe.state(SessionState.CONNECTED)
            for number in range(3):
                request = {"id": f"{number}", "action": "typing", "to": ANA, "reply_topic": REPLY}
                await probe.publish(REQUEST, request)
                await probe.wait(RESPONSE if denied != RESPONSE else REPLY, lambda one, n=number: one["id"] == f"{n}")  # type: ignore[misc]
            assert harness.session.view.situation.state is SessionState.CONNECTED
        assert "Not published to" in caplog.text
        await harness.stop()


async def test_many_requests_at_once_are_all_answered(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    for number in range(1000):
        await probe.publish(REQUEST, {"id": f"{number}", "action": "typing"})
    await probe.count(RESPONSE, 1000)
    assert {one["id"] for one in probe.on(RESPONSE)} == {f"{number}" for number in range(1000)}


async def test_marks_contacts_and_calls_are_there_for_any_client(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    phone, ana = harness.phone, Jid.parse(ANA)
    phone.answers["contacts.get"] = {"contact": ANA, "person": frozenset({ana})}
    phone.answers["chats.pin"] = LimitReached("No more chats can be pinned: take another one down first.")
    await harness.start()
    phone.event(IncomingEvent("call", "C:offered", phone.now(), ana, {"call_id": "C", "action": "offered"}, ana))
    call = await probe.wait("wa/haby/event", lambda one: one["kind"] == "call")
    assert (call["call_id"], call["action"], call["chat"]) == ("C", "offered", ANA)
    for request in (
        {"id": "get", "action": "contacts.get", "contact": "011 15 5550-0001"},
        {"id": "mute", "action": "chats.mute", "chat": ANA, "until": 1790000000},
        {"id": "pin", "action": "chats.pin", "chat": ANA},
        {"id": "both", "action": "chats.mute", "chat": ANA, "on": False, "until": 1790000000},
        {"id": "none", "action": "profile.set"},
        {"id": "long", "action": "profile.set", "name": "n" * 26},
        {"id": "me", "action": "contacts.subscribe", "contact": ANA, "seconds": 3601},
    ):
        await probe.publish(REQUEST, request)
    answers = {
        wanted: await probe.wait(RESPONSE, lambda one, wanted=wanted: one["id"] == wanted)  # type: ignore[misc]
        for wanted in ("get", "mute", "pin", "both", "none", "long", "me")
    }
    assert answers["get"]["data"] == {"contact": ANA, "person": call["person"]}
    assert answers["mute"]["status"] == "done"
    assert {"chat": ANA, "on": True, "until": 1790000000} in [one.arguments for one in phone.requests]
    assert answers["pin"]["error"]["code"] == "limit_reached"
    assert {answers[one]["error"]["code"] for one in ("both", "none", "long", "me")} == {"invalid"}
