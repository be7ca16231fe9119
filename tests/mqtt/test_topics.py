"""The contract's topic table, row by row, on a real broker."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.jid import Jid
from bridge.contract.messages import Inbound
from bridge.contract.session import SessionState
from bridge.metrics.prometheus import PrometheusMetrics
from tests.mosquitto_server import SHIPPED, MosquittoServer
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe, mqtt_probe

ANA = "5491155500001@c.us"
OUT, RESULT = "wa/haby/out", "wa/haby/result"


async def test_inbound_messages_are_in_order_with_a_gapless_seq(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    for number in range(150):
        harness.phone.incoming(ANA, f"{number} ñ 😀 שלום")
    messages = [Inbound.model_validate(message) for message in await probe.count("wa/haby/in", 150)]
    assert [message.seq for message in messages] == list(range(1, 151))
    assert [message.body for message in messages] == [f"{number} ñ 😀 שלום" for number in range(150)]
    assert not any(delivery.retain for delivery in probe.received if delivery.topic == "wa/haby/in")


async def test_events_have_their_own_seq(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    harness.phone.own(ANA, "typed on the phone")
    event = await probe.wait("wa/haby/event")
    assert (event["kind"], event["event_seq"], event["message"]["body"]) == ("own_message", 1, "typed on the phone")


async def test_a_json_command_is_answered_up_to_the_last_tick(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await probe.publish(OUT, {"id": "a", "to": "+54 911 5550-0001", "message": "Hola ñ", "meta": {"n": 1}})
    sent = await probe.result("a", "sent")
    assert [result["status"] for result in probe.on(RESULT)] == ["accepted", "sent"]
    assert (sent["to"], sent["chat"], sent["meta"], sent["error"]) == (ANA, ANA, {"n": 1}, None)
    harness.phone.acknowledge(harness.phone.sent[0].key.id, 3)
    acks = await probe.count("wa/haby/ack", 2)
    assert [(ack["id"], ack["ack"], ack["message_id"]) for ack in acks] == [
        ("a", "server", sent["message_id"]),
        ("a", "read", sent["message_id"]),
    ]


async def test_plain_text_goes_to_the_number_in_the_topic(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await probe.publish(f"{OUT}/5491155500001", ' {"to": "no JSON here"} \n😀')
    sent = await probe.wait(RESULT, lambda result: result["status"] == "sent")
    assert sent["to"] == ANA
    assert [message.text for message in harness.phone.sent] == [' {"to": "no JSON here"} \n😀']


@pytest.mark.parametrize(
    ("recipient", "to"),
    [
        ("5491155500001@c.us", ANA),
        ("5491155500001@s.whatsapp.net", ANA),
        ("123456789012345@lid", "123456789012345@lid"),
        ("120363000000000001@g.us", "120363000000000001@g.us"),
        ("54 9 11 5550-0001", ANA),
        ("(54911)55500001", ANA),
        ("5491155500001.", ANA),
        ("", None),
        ("Ana María", None),
        ("status@broadcast", None),
        ("5491155500001/", None),
        ("5491155500001/x/y", None),
        ("x" * 40_000, None),
    ],
)
async def test_text_under_out_is_sent_or_answered_whatever_the_recipient(
    harness: BridgeUnderTest, probe: MqttProbe, recipient: str, to: str | None
) -> None:
    harness.phone.chats = {Jid.parse("123456789012345@lid"), Jid.parse("120363000000000001@g.us")}
    await harness.start()
    await probe.publish(f"{OUT}/{recipient}", "Hola")
    result = await probe.wait(RESULT, lambda result: result["status"] in ("sent", "failed"))
    if to is not None:
        assert (result["status"], result["to"]) == ("sent", to)
        return
    assert (result["status"], result["error"]["code"]) == ("failed", "invalid")
    assert result["topic"] == f"{OUT}/{recipient}"
    assert harness.phone.sent == []


async def test_retained_requests_are_answered_once_and_never_carried_out(
    harness: BridgeUnderTest, probe: MqttProbe
) -> None:
    payloads = {
        "wa/haby/control": {"id": "c", "action": "close"},
        "wa/haby/replay": {"request": "r", "reader": "till"},
        "wa/haby/request": {"id": "q", "action": "typing", "to": ANA},
        "wa/haby/typing": {"to": ANA},
    }
    for topic, payload in payloads.items():
        await probe.publish(topic, payload, retain=True)
    await harness.start()
    reported = await probe.count(RESULT, 4)
    await harness.stop()
    await harness.start()
    await probe.barrier()
    reported = [result for result in probe.on(RESULT) if result.get("topic") in payloads]
    assert {result["topic"]: result["error"]["code"] for result in reported} == dict.fromkeys(payloads, "retained")
    assert len(reported) == 4
    assert {result["id"] for result in reported} >= {"c", "q"}
    assert probe.on("wa/haby/replay/till") == []


async def test_a_repeated_id_gets_the_same_result_and_other_content_a_conflict(
    harness: BridgeUnderTest, probe: MqttProbe
) -> None:
    await harness.start()
    for message in ("Hola", "Hola", "Otra"):
        await probe.publish(OUT, {"id": "a", "to": ANA, "message": message})
    conflict = await probe.result("a", "failed")
    assert conflict["error"]["code"] == "conflict"
    await probe.result("a", "sent")
    published = len(probe.on(RESULT))
    await probe.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"})
    await harness.until(lambda: len(probe.on(RESULT)) > published)
    assert probe.on(RESULT)[-1]["status"] == "sent"
    assert [message.text for message in harness.phone.sent] == ["Hola"]


REFUSED: list[tuple[str, Any, str]] = [
    (OUT, b"not JSON", "invalid"),
    (OUT, b"[]", "invalid"),
    (OUT, b"\xff\xfe", "invalid"),
    (OUT, b'{"to": "5491155500001"}', "invalid"),
    (OUT, b'{"to": "5491155500001", "message": "x", "tll": 5}', "invalid"),
    (OUT, b'{"to": "5491155500001", "message": "\\ud800"}', "invalid"),
    (OUT, b'{"to": "5491155500001", "message": "x", "meta": ' + b"[" * 900 + b"]" * 900 + b"}", "invalid"),
    (OUT, {"to": "5491155500001", "message": "x" * 65_537}, "too_large"),
    (OUT, b"{" * 16_700_000, "too_large"),  # nearly what the shipped broker lets through
    (f"{OUT}/5491155500001", b"\x00", "invalid"),
    (f"{OUT}/5491155500001", b"x" * 10_000_000, "too_large"),
    (f"{OUT}/no-number", b"Hola", "invalid"),
    ("wa/haby/control", b"restart", "invalid"),
    ("wa/haby/replay", b"everything", "invalid"),
]


async def test_bad_input_is_answered_by_topic_and_hash_and_blocks_nothing(
    harness: BridgeUnderTest, probe: MqttProbe
) -> None:
    await harness.start()
    for topic, payload, _ in REFUSED:
        await probe.publish(topic, payload)
    await probe.publish(OUT, {"id": "good", "to": ANA, "message": "Hola"})
    await probe.result("good", "sent")
    refused = [result for result in probe.on(RESULT) if result["status"] == "failed"]
    answered = {(result["topic"], result["sha256"]): result["error"]["code"] for result in refused}
    assert answered == {
        (
            topic,
            hashlib.sha256(payload if isinstance(payload, bytes) else json.dumps(payload).encode()).hexdigest(),
        ): code
        for topic, payload, code in REFUSED
    }
    assert len({result["id"] for result in refused}) == len(REFUSED)


async def test_bad_input_with_a_reply_topic_is_answered_there(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: Any
) -> None:
    await harness.start()
    async with mqtt_probe(mosquitto.url("bridge")) as client:
        reply = "wa/haby/reply/admin"
        await probe.publish(OUT, {"id": "a", "transaction": "t", "reply_topic": reply, "to": ANA, "mesage": "Hola"})
        copy = await client.wait(reply)
    assert (copy["id"], copy["transaction"], copy["status"]) == ("a", "t", "failed")
    assert "mesage is not a known field" in copy["error"]["text"]


async def test_a_number_that_is_not_on_whatsapp_and_one_that_is_a_group(
    harness: BridgeUnderTest, probe: MqttProbe
) -> None:
    group = "120363000000000001@g.us"
    harness.phone.missing, harness.phone.chats = {Jid.parse(ANA)}, {Jid.parse(group)}
    await harness.start()
    await probe.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"})
    await probe.publish(OUT, {"id": "b", "to": group, "message": "Hola"})
    await probe.publish(OUT, {"id": "c", "to": "123456789012345@lid", "message": "Hola"})
    assert (await probe.result("a", "failed"))["error"]["code"] == "not_on_whatsapp"
    assert (await probe.result("b", "sent"))["chat"] == group
    assert (await probe.result("c", "failed"))["error"]["code"] == "invalid"


async def test_a_retained_command_is_reported_once_and_never_sent(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    for topic, payload in ((OUT, {"id": "a", "to": ANA, "message": "Hola"}), (f"{OUT}/5491155500001", "Hola")):
        await probe.publish(topic, payload, retain=True)
    await harness.start()
    reported = await probe.count(RESULT, 2)
    assert [result["error"]["code"] for result in reported] == ["retained", "retained"]
    assert {result["topic"] for result in reported} == {OUT, f"{OUT}/5491155500001"}
    assert "a" in [result["id"] for result in reported]
    for _ in range(2):  # at each start the broker delivers it again
        await harness.stop()
        await harness.start()
    await probe.barrier()
    # one and the same report may come again after a start: QoS 1; another one would have another time
    reports = {json.dumps(result) for result in probe.on(RESULT) if (result["error"] or {}).get("code") == "retained"}
    assert len(reports) == 2
    assert harness.phone.sent == []


async def test_empty_payloads_are_ignored_and_counted(
    harness: BridgeUnderTest, probe: MqttProbe, tmp_path: Path
) -> None:
    counters = PrometheusMetrics(tmp_path)
    harness.observers = (counters.observe,)
    await harness.start()
    for topic in (OUT, f"{OUT}/5491155500001", "wa/haby/control", "wa/haby/replay"):
        await probe.publish(topic, b"")
        await probe.publish(topic, b"", retain=True)
    await probe.barrier()
    assert len(probe.on(RESULT)) == 1
    counted = [line for line in counters.text().decode().splitlines() if line.startswith("wa_empty_commands_total")]
    for leaf in ("out", "control", "replay"):
        (line,) = [line for line in counted if f'topic="{leaf}"' in line]
        assert float(line.split()[-1]) >= 1


@pytest.mark.parametrize(
    "topic", ["wa/haby/in", "wa/haby/result", "wa/other/out", "other", "wa/other/reply/x", "wa/haby/reply/a/b"]
)
async def test_another_reply_topic_is_refused(harness: BridgeUnderTest, probe: MqttProbe, topic: str) -> None:
    await harness.start()
    await probe.publish(OUT, {"id": "a", "to": ANA, "message": "Hola", "reply_topic": topic})
    refused = await probe.result("a", "failed")
    assert refused["error"]["code"] == "invalid"
    assert "wa/haby/reply/<client>" in refused["error"]["text"]
    assert harness.phone.sent == []


async def test_a_copy_of_each_result_goes_to_the_reply_topic(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: Any
) -> None:
    await harness.start()
    async with mqtt_probe(mosquitto.url("bridge")) as client:
        await probe.publish(OUT, {"id": "a", "to": ANA, "message": "Hola", "reply_topic": "wa/haby/reply/till-3"})
        copies = await client.count("wa/haby/reply/till-3", 2)
    assert [copy["status"] for copy in copies] == ["accepted", "sent"]
    await probe.result("a", "sent")
    assert copies == probe.on(RESULT)


async def test_the_response_topic_of_mqtt_5_is_a_reply_topic(harness: BridgeUnderTest, mosquitto: Any) -> None:
    harness.settings = harness.settings.model_copy(update={"mqtt_protocol": "5"})
    await harness.start()
    async with mqtt_probe(mosquitto.url("bridge"), protocol="5") as five:
        await five.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"}, response_topic="wa/haby/reply/till")
        assert [copy["status"] for copy in await five.count("wa/haby/reply/till", 2)] == ["accepted", "sent"]


async def test_a_reply_that_the_broker_refuses_blocks_nothing(
    harness: BridgeUnderTest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A missing ACL rule would otherwise end the connection repeatedly; the result topic has the result too."""
    rules = (SHIPPED / "acl").read_text().replace("user bridge\n", "user bridge\ntopic deny wa/haby/reply/#\n")
    (tmp_path / "acl").write_text(rules)
    with MosquittoServer(tmp_path / "strict", acl=tmp_path / "acl") as strict:
        harness.settings = harness.settings.model_copy(update={"mqtt_protocol": "5"})
        harness.url, harness.probe = strict.url("bridge"), None
        await harness.start()
        async with mqtt_probe(strict.url("admin")) as probe:
            await probe.state(SessionState.CONNECTED)  # it has subscribed
            for number in range(3):
                command = {"id": f"{number}", "to": ANA, "message": "Hola", "reply_topic": "wa/haby/reply/till"}
                await probe.publish(OUT, command)
                await probe.result(f"{number}", "sent")
            harness.phone.incoming(ANA, "Chau")
            await probe.count("wa/haby/in", 1)
            assert len(probe.on(RESULT)) == 6  # none was repeated
        assert "wa/haby/reply/till" in caplog.text
        await harness.stop()


async def test_typing_is_shown_and_never_answered(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    harness.phone.chats = {Jid.parse(ANA)}
    await harness.start()
    await probe.publish("wa/haby/typing", {"to": "+54 911 5550-0001", "seconds": 30})
    await harness.until(lambda: harness.phone.typing == {Jid.parse(ANA)})
    await probe.publish("wa/haby/typing", {"to": ANA, "seconds": 0}, qos=0)
    await harness.until(lambda: not harness.phone.typing)
    await probe.publish("wa/haby/typing", {"to": ANA, "seconds": 61})
    refused = await probe.wait(RESULT, lambda result: result["topic"] == "wa/haby/typing")
    assert "seconds" in refused["error"]["text"]
    harness.phone.link(up=False)
    await harness.until(lambda: harness.session.view.situation.state is not SessionState.CONNECTED)
    await probe.publish("wa/haby/typing", {"to": ANA})
    await probe.barrier()
    assert (len(probe.on(RESULT)), harness.phone.typing) == (2, set())


async def test_correlation_data_is_returned_with_each_reply(harness: BridgeUnderTest, mosquitto: Any) -> None:
    harness.settings = harness.settings.model_copy(update={"mqtt_protocol": "5"})
    await harness.start()
    harness.phone.link(up=False)
    await harness.until(lambda: harness.session.view.situation.state is not SessionState.CONNECTED)
    reply = "wa/haby/reply/till"
    async with mqtt_probe(mosquitto.url("bridge"), protocol="5") as five:
        good = json.dumps({"id": "a", "to": ANA, "message": "Hola"})
        for payload, correlation in ((good, b"\x00\xff1"), ("no JSON", b"2"), (good, None)):
            await five.publish(OUT, payload.encode(), response_topic=reply, correlation_data=correlation)
        await five.count(reply, 3)
        await harness.abort()
        harness.phone.link(up=True)
        await harness.start()
        await five.count(reply, 4)
        received = [one for one in five.received if one.topic == reply]
    replies = [(json.loads(one.payload)["status"], one.correlation_data) for one in received]
    # claims and refusals overtake each other
    assert set(replies[:3]) == {("accepted", b"\x00\xff1"), ("failed", b"2"), ("accepted", None)}
    assert replies[3:] == [("sent", b"\x00\xff1")]


async def test_commands_of_another_session_are_ignored(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await probe.publish("wa/other/out", {"id": "a", "to": ANA, "message": "Hola"})
    await probe.barrier()
    assert [result["id"] for result in probe.on(RESULT) if result["id"] == "a"] == []
    assert harness.phone.sent == []


async def test_a_prefix_of_several_levels(harness: BridgeUnderTest, mosquitto: Any) -> None:
    # the shipped ACL is for the default prefix, so that `wa/` stays in front
    harness.settings = harness.settings.model_copy(update={"mqtt_prefix": "wa/home"})
    harness.probe = None
    await harness.start()
    async with mqtt_probe(mosquitto.url("bridge")) as probe:
        await probe.wait("wa/home/haby/status", lambda status: status["state"] == "connected")
        await probe.publish("wa/home/haby/out", {"id": "a", "to": ANA, "message": "Hola"})
        await probe.wait("wa/home/haby/result", lambda result: result["status"] == "sent")
