"""The topic table of the contract, row by row, on a real broker."""

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
from tests.mqtt.conftest import Side
from tests.mqtt.ear import Ear, hearing

ANA = "5491155500001@c.us"
OUT, RESULT = "wa/haby/out", "wa/haby/result"


async def test_inbound_messages_come_in_order_with_a_gapless_seq(side: Side, ear: Ear) -> None:
    await side.start()
    for number in range(150):
        side.phone.incoming(ANA, f"{number} ñ 😀 שלום")
    messages = [Inbound.model_validate(message) for message in await ear.count("wa/haby/in", 150)]
    assert [message.seq for message in messages] == list(range(1, 151))
    assert [message.body for message in messages] == [f"{number} ñ 😀 שלום" for number in range(150)]
    assert not any(delivery.retain for delivery in ear.heard if delivery.topic == "wa/haby/in")


async def test_events_have_a_seq_of_their_own(side: Side, ear: Ear) -> None:
    await side.start()
    side.phone.own(ANA, "typed on the phone")
    event = await ear.wait("wa/haby/event")
    assert (event["kind"], event["event_seq"], event["message"]["body"]) == ("own_message", 1, "typed on the phone")


async def test_a_json_command_is_answered_to_the_last_tick(side: Side, ear: Ear) -> None:
    await side.start()
    await ear.publish(OUT, {"id": "a", "to": "+54 911 5550-0001", "message": "Hola ñ", "meta": {"n": 1}})
    sent = await ear.result("a", "sent")
    assert [result["status"] for result in ear.on(RESULT)] == ["accepted", "sent"]
    assert (sent["to"], sent["chat"], sent["meta"], sent["error"]) == (ANA, ANA, {"n": 1}, None)
    side.phone.acknowledge(side.phone.sent[0].key.id, 3)
    acks = await ear.count("wa/haby/ack", 2)
    assert [(ack["id"], ack["ack"], ack["message_id"]) for ack in acks] == [
        ("a", "server", sent["message_id"]),
        ("a", "read", sent["message_id"]),
    ]


async def test_plain_text_goes_to_the_number_in_the_topic(side: Side, ear: Ear) -> None:
    await side.start()
    await ear.publish(f"{OUT}/5491155500001", ' {"to": "no JSON here"} \n😀')
    sent = await ear.wait(RESULT, lambda result: result["status"] == "sent")
    assert sent["to"] == ANA
    assert [message.text for message in side.phone.sent] == [' {"to": "no JSON here"} \n😀']


async def test_the_same_id_again_gets_the_same_result_and_other_content_a_conflict(side: Side, ear: Ear) -> None:
    await side.start()
    for message in ("Hola", "Hola", "Otra"):
        await ear.publish(OUT, {"id": "a", "to": ANA, "message": message})
    conflict = await ear.result("a", "failed")
    assert conflict["error"]["code"] == "conflict"
    await ear.result("a", "sent")
    told = len(ear.on(RESULT))
    await ear.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"})
    await side.until(lambda: len(ear.on(RESULT)) > told)
    assert ear.on(RESULT)[-1]["status"] == "sent"
    assert [message.text for message in side.phone.sent] == ["Hola"]


REFUSED: list[tuple[str, Any, str]] = [
    (OUT, b"not JSON", "invalid"),
    (OUT, b"[]", "invalid"),
    (OUT, b"\xff\xfe", "invalid"),
    (OUT, b'{"to": "5491155500001"}', "invalid"),
    (OUT, b'{"to": "5491155500001", "message": "x", "tll": 5}', "invalid"),
    (OUT, b'{"to": "5491155500001", "message": "\\ud800"}', "invalid"),
    (OUT, b'{"to": "5491155500001", "message": "x", "meta": ' + b"[" * 900 + b"]" * 900 + b"}", "invalid"),
    (OUT, {"to": "5491155500001", "message": "x" * 65_537}, "too_large"),
    (OUT, b"{" * 10_000_000, "too_large"),
    (f"{OUT}/5491155500001", b"\x00", "invalid"),
    (f"{OUT}/5491155500001", b"x" * 10_000_000, "too_large"),
    (f"{OUT}/nobody", b"Hola", "invalid"),
    ("wa/haby/control", b"restart", "invalid"),
    ("wa/haby/replay", b"everything", "invalid"),
]


async def test_bad_input_is_answered_by_topic_and_hash_and_blocks_nothing(side: Side, ear: Ear) -> None:
    await side.start()
    for topic, payload, _ in REFUSED:
        await ear.publish(topic, payload)
    await ear.publish(OUT, {"id": "good", "to": ANA, "message": "Hola"})
    await ear.result("good", "sent")
    refused = [result for result in ear.on(RESULT) if result["status"] == "failed"]
    answered = {(result["topic"], result["sha256"]): result["error"]["code"] for result in refused}
    assert answered == {
        (
            topic,
            hashlib.sha256(payload if isinstance(payload, bytes) else json.dumps(payload).encode()).hexdigest(),
        ): code
        for topic, payload, code in REFUSED
    }
    assert len({result["id"] for result in refused}) == len(REFUSED)


async def test_bad_input_that_names_its_sender_is_answered_to_it(side: Side, ear: Ear, mosquitto: Any) -> None:
    await side.start()
    async with hearing(mosquitto.url("bridge")) as asker:
        reply = "wa/haby/reply/admin"
        await ear.publish(OUT, {"id": "a", "transaction": "t", "reply_topic": reply, "to": ANA, "mesage": "Hola"})
        copy = await asker.wait(reply)
    assert (copy["id"], copy["transaction"], copy["status"]) == ("a", "t", "failed")
    assert "mesage is not a known field" in copy["error"]["text"]


async def test_a_number_that_is_not_on_whatsapp_and_one_that_is_a_group(side: Side, ear: Ear) -> None:
    group = "120363000000000001@g.us"
    side.phone.missing, side.phone.chats = {Jid.parse(ANA)}, {Jid.parse(group)}
    await side.start()
    await ear.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"})
    await ear.publish(OUT, {"id": "b", "to": group, "message": "Hola"})
    await ear.publish(OUT, {"id": "c", "to": "123456789012345@lid", "message": "Hola"})
    assert (await ear.result("a", "failed"))["error"]["code"] == "not_on_whatsapp"
    assert (await ear.result("b", "sent"))["chat"] == group
    assert (await ear.result("c", "failed"))["error"]["code"] == "invalid"


async def test_a_retained_command_is_reported_once_and_never_sent(side: Side, ear: Ear) -> None:
    for topic, payload in ((OUT, {"id": "a", "to": ANA, "message": "Hola"}), (f"{OUT}/5491155500001", "Hola")):
        await ear.publish(topic, payload, retain=True)
    await side.start()
    reported = await ear.count(RESULT, 2)
    assert [result["error"]["code"] for result in reported] == ["retained", "retained"]
    assert {result["topic"] for result in reported} == {OUT, f"{OUT}/5491155500001"}
    assert "a" in [result["id"] for result in reported]
    for _ in range(2):  # at each start the broker hands it over again
        await side.stop()
        await side.start()
    await ear.barrier()
    assert len([result for result in ear.on(RESULT) if (result["error"] or {}).get("code") == "retained"]) == 2
    assert side.phone.sent == []


async def test_empty_payloads_are_ignored_and_counted(side: Side, ear: Ear, tmp_path: Path) -> None:
    counters = PrometheusMetrics(tmp_path)
    side.observers = (counters.observe,)
    await side.start()
    for topic in (OUT, f"{OUT}/5491155500001", "wa/haby/control", "wa/haby/replay"):
        await ear.publish(topic, b"")
        await ear.publish(topic, b"", retain=True)
    await ear.barrier()
    assert len(ear.on(RESULT)) == 1
    counted = [line for line in counters.text().decode().splitlines() if line.startswith("wa_empty_commands_total")]
    for leaf in ("out", "control", "replay"):
        (line,) = [line for line in counted if f'topic="{leaf}"' in line]
        assert float(line.split()[-1]) >= 1


@pytest.mark.parametrize(
    "topic", ["wa/haby/in", "wa/haby/result", "wa/other/out", "other", "wa/other/reply/x", "wa/haby/reply/a/b"]
)
async def test_any_other_reply_topic_is_refused(side: Side, ear: Ear, topic: str) -> None:
    await side.start()
    await ear.publish(OUT, {"id": "a", "to": ANA, "message": "Hola", "reply_topic": topic})
    refused = await ear.result("a", "failed")
    assert refused["error"]["code"] == "invalid"
    assert "wa/haby/reply/<client>" in refused["error"]["text"]
    assert side.phone.sent == []


async def test_a_copy_of_each_result_goes_to_who_asked(side: Side, ear: Ear, mosquitto: Any) -> None:
    await side.start()
    async with hearing(mosquitto.url("bridge")) as asker:
        await ear.publish(OUT, {"id": "a", "to": ANA, "message": "Hola", "reply_topic": "wa/haby/reply/till-3"})
        copies = await asker.count("wa/haby/reply/till-3", 2)
    assert [copy["status"] for copy in copies] == ["accepted", "sent"]
    await ear.result("a", "sent")
    assert copies == ear.on(RESULT)


async def test_the_response_topic_of_mqtt_5_is_a_reply_topic(side: Side, mosquitto: Any) -> None:
    side.settings = side.settings.model_copy(update={"mqtt_protocol": "5"})
    await side.start()
    async with hearing(mosquitto.url("bridge"), protocol="5") as five:
        await five.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"}, response_topic="wa/haby/reply/till")
        assert [copy["status"] for copy in await five.count("wa/haby/reply/till", 2)] == ["accepted", "sent"]


async def test_a_reply_that_the_broker_refuses_holds_up_nothing(
    side: Side, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A rule that its owner forgot would end the connection again and again; the result is on its own topic, too."""
    rules = (SHIPPED / "acl").read_text().replace("user bridge\n", "user bridge\ntopic deny wa/haby/reply/#\n")
    (tmp_path / "acl").write_text(rules)
    with MosquittoServer(tmp_path / "strict", acl=tmp_path / "acl") as strict:
        side.settings = side.settings.model_copy(update={"mqtt_protocol": "5"})
        side.url, side.ear = strict.url("bridge"), None
        await side.start()
        async with hearing(strict.url("admin")) as ear:
            await ear.state(SessionState.CONNECTED)  # it has subscribed
            for number in range(3):
                asked = {"id": f"{number}", "to": ANA, "message": "Hola", "reply_topic": "wa/haby/reply/till"}
                await ear.publish(OUT, asked)
                await ear.result(f"{number}", "sent")
            side.phone.incoming(ANA, "Chau")
            await ear.count("wa/haby/in", 1)
            assert len(ear.on(RESULT)) == 6  # none came again
        assert "wa/haby/reply/till" in caplog.text
        await side.stop()


async def test_typing_is_shown_and_never_answered(side: Side, ear: Ear) -> None:
    side.phone.chats = {Jid.parse(ANA)}
    await side.start()
    await ear.publish("wa/haby/typing", {"to": "+54 911 5550-0001", "seconds": 30})
    await side.until(lambda: side.phone.typing == {Jid.parse(ANA)})
    await ear.publish("wa/haby/typing", {"to": ANA, "seconds": 0}, qos=0)
    await side.until(lambda: not side.phone.typing)
    await ear.publish("wa/haby/typing", {"to": ANA, "seconds": 61})
    refused = await ear.wait(RESULT, lambda result: result["topic"] == "wa/haby/typing")
    assert "seconds" in refused["error"]["text"]
    side.phone.link(up=False)
    await side.until(lambda: side.session.view.situation.state is not SessionState.CONNECTED)
    await ear.publish("wa/haby/typing", {"to": ANA})
    await ear.barrier()
    assert (len(ear.on(RESULT)), side.phone.typing) == (2, set())


async def test_correlation_data_comes_back_with_each_reply(side: Side, mosquitto: Any) -> None:
    side.settings = side.settings.model_copy(update={"mqtt_protocol": "5"})
    await side.start()
    side.phone.link(up=False)
    await side.until(lambda: side.session.view.situation.state is not SessionState.CONNECTED)
    reply = "wa/haby/reply/till"
    async with hearing(mosquitto.url("bridge"), protocol="5") as five:
        good = json.dumps({"id": "a", "to": ANA, "message": "Hola"})
        for payload, correlation in ((good, b"\x00\xff1"), ("no JSON", b"2"), (good, None)):
            await five.publish(OUT, payload.encode(), response_topic=reply, correlation_data=correlation)
        await five.count(reply, 3)
        await side.break_off()
        side.phone.link(up=True)
        await side.start()
        await five.count(reply, 4)
        heard = [one for one in five.heard if one.topic == reply]
    replies = [(json.loads(one.payload)["status"], one.correlation_data) for one in heard]
    # claims and refusals overtake each other
    assert set(replies[:3]) == {("accepted", b"\x00\xff1"), ("failed", b"2"), ("accepted", None)}
    assert replies[3:] == [("sent", b"\x00\xff1")]


async def test_a_session_of_another_name_is_nobodys(side: Side, ear: Ear) -> None:
    await side.start()
    await ear.publish("wa/other/out", {"id": "a", "to": ANA, "message": "Hola"})
    await ear.barrier()
    assert [result["id"] for result in ear.on(RESULT) if result["id"] == "a"] == []
    assert side.phone.sent == []


async def test_a_prefix_of_several_levels(side: Side, mosquitto: Any) -> None:
    # the shipped ACL is for the default prefix, so that `wa/` stays in front
    side.settings = side.settings.model_copy(update={"mqtt_prefix": "wa/home"})
    side.ear = None
    await side.start()
    async with hearing(mosquitto.url("bridge")) as ear:
        await ear.wait("wa/home/haby/status", lambda status: status["state"] == "connected")
        await ear.publish("wa/home/haby/out", {"id": "a", "to": ANA, "message": "Hola"})
        await ear.wait("wa/home/haby/result", lambda result: result["status"] == "sent")
