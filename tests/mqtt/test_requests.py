"""Requests on the wire: done once, answered on the response and the reply topic, whatever they hold."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.contract.errors import LimitReached
from bridge.contract.jid import Jid
from bridge.contract.requests import BY_ACTION
from bridge.contract.session import SessionState
from bridge.ports import IncomingEvent, SeenPerson
from tests.mosquitto_server import SHIPPED, MosquittoServer
from tests.mqtt.conftest import QUICK, BridgeUnderTest
from tests.mqtt.probe import MqttProbe, mqtt_probe
from tests.mqtt.programs import bridge_program

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


async def test_a_long_request_says_how_far_it_is(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    harness.limits = replace(QUICK, mqtt=replace(QUICK.mqtt, first_progress=0.05))
    harness.phone.delay = 0.5
    await harness.start()
    await probe.publish(REQUEST, {"id": "c1", "action": "contacts.check", "contacts": [ANA], "reply_topic": REPLY})
    last = await probe.wait(REPLY, lambda one: one["status"] == "done")
    assert last["data"]["contacts"] == [{"to": ANA, "exists": True, "chat": ANA}]
    first = probe.on(RESPONSE)[0]
    assert (first["id"], first["status"], first["progress"]) == ("c1", "running", {"done": 0, "total": 1})


async def test_many_requests_at_once_are_all_answered(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    for number in range(300):
        await probe.publish(REQUEST, {"id": f"{number}", "action": "typing"})
    await probe.count(RESPONSE, 300)
    assert {one["id"] for one in probe.on(RESPONSE)} == {f"{number}" for number in range(300)}


async def test_a_change_is_answered_again_with_the_same_response(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    harness.phone.answers["chats.read"] = {"seen": 1}
    change = {"id": "r1", "action": "chats.read", "chat": ANA}
    await probe.publish(REQUEST, change)
    first = await probe.wait(RESPONSE, lambda one: one["id"] == "r1")
    assert (first["status"], first["data"]) == ("done", {"seen": 1})
    await harness.stop()
    await harness.start()
    await probe.publish(REQUEST, {**change, "chat": "+54 9 11 5550-0001", "reply_topic": REPLY})
    assert await probe.wait(REPLY, lambda one: one["id"] == "r1") == first
    assert probe.on(RESPONSE) == [first, first]
    await probe.publish(REQUEST, {**change, "chat": "5491155500002"})
    other = await probe.wait(RESPONSE, lambda one: one["status"] == "failed")
    assert (other["id"], other["error"]["code"]) == ("r1", "conflict")
    assert [request.id for request in harness.phone.changes] == ["r1"]


async def test_a_response_waits_for_the_broker(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    await harness.start()
    harness.phone.delay = 1.0
    await probe.publish(REQUEST, {"id": "r1", "action": "chats.read", "chat": ANA, "reply_topic": REPLY})
    await harness.until(lambda: bool(harness.session.requests.claimed._open))
    mosquitto.kill()
    await harness.until(lambda: bool(harness.phone.changes))
    mosquitto.start()
    async with mqtt_probe(mosquitto.url("admin")) as again:
        assert (await again.wait(RESPONSE, lambda one: one["id"] == "r1"))["status"] == "done"
    assert len(harness.phone.changes) == 1


async def test_a_bridge_killed_while_it_changes_something_says_unknown(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    """Without an id, so that a redelivery has to be recognised too."""
    await harness.start()
    await harness.stop()
    await probe.state("offline")
    async with bridge_program(mosquitto.url("bridge"), harness.settings.data_dir, "request") as program:
        await probe.state("connected", within=20)  # before that the request is refused
        await probe.publish(REQUEST, {"action": "chats.read", "chat": ANA, "transaction": "t"})
        assert await asyncio.wait_for(program.ended(), 20) == -signal.SIGKILL
    harness.probe = None  # what the retained status says is the killed bridge's
    await harness.start()
    response = await probe.wait(RESPONSE, lambda one: one["transaction"] == "t")
    assert (response["status"], response["error"]["code"]) == ("unknown", "in_doubt")
    await probe.publish(REQUEST, {"id": "barrier", "action": "chats.read", "chat": ANA})
    await probe.wait(RESPONSE, lambda one: one["id"] == "barrier")
    assert [request.id for request in harness.phone.changes] == ["barrier"]
    assert (harness.settings.data_dir / "done").read_text() == "chats.read\n"


async def test_marks_contacts_and_calls_are_there_for_any_client(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    phone, ana = harness.phone, Jid.parse(ANA)
    phone.answers["contacts.get"] = {"contact": ANA, "person": SeenPerson(frozenset({ana}))}
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
    assert answers["get"]["data"] == {"contact": ANA, "person": call["person"], "from_pn": ANA, "from_lid": None}
    assert answers["mute"]["status"] == "done"
    assert {"chat": ANA, "on": True, "until": 1790000000} in [one.arguments for one in phone.requests]
    assert answers["pin"]["error"]["code"] == "limit_reached"
    assert {answers[one]["error"]["code"] for one in ("both", "none", "long", "me")} == {"invalid"}


async def test_a_group_on_the_wire(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    group = "120363000000000001@g.us"
    harness.phone.chats = {Jid.parse(group)}
    person = SeenPerson(frozenset({Jid.parse(ANA)}))
    harness.phone.answers["groups.add"] = {"people": [{"to": "5491155500001", "person": person, "status": "done"}]}
    harness.phone.closed_groups = {Jid.parse(group)}
    await harness.start()
    await probe.publish(REQUEST, {"id": "g1", "action": "groups.add", "group": group, "people": ["5491155500001"]})
    response = await probe.wait(RESPONSE, lambda one: one["id"] == "g1")
    [added] = response["data"]["people"]
    assert (response["status"], added["to"], added["status"], added["from_pn"]) == (
        "done",
        "5491155500001",
        "done",
        ANA,
    )
    await probe.publish(REQUEST, {"id": "g2", "action": "groups.add", "group": ANA, "people": [ANA]})
    assert (await probe.wait(RESPONSE, lambda one: one["id"] == "g2"))["error"]["code"] == "invalid"
    await probe.publish("wa/haby/out", {"id": "c1", "to": group, "message": "Hola"})
    result = await probe.wait("wa/haby/result", lambda one: one["id"] == "c1")
    assert (result["status"], result["error"]["code"]) == ("failed", "not_allowed")
    assert harness.phone.sent == []
