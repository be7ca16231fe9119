"""Scheduled and cancelled commands on a real broker."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.contract.payload import rfc3339
from bridge.settings import load
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe

OUT, RESULT = "wa/haby/out", "wa/haby/result"
TO = "5491155500001"


def ahead(**fields: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(**fields))


async def test_a_scheduled_command_is_sent_at_its_time(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    at = ahead(seconds=1.5)
    await probe.publish(OUT, {"id": "a", "to": TO, "message": "later", "send_at": at})
    accepted = await probe.result("a", "accepted")
    assert accepted["waits"] == {"reason": "send_at", "until": at}
    await probe.publish(OUT, {"id": "b", "to": TO, "message": "now"})
    await probe.result("b", "sent")
    sent = await probe.result("a", "sent")
    assert sent["at"] >= at
    assert [message.text for message in harness.phone.sent] == ["now", "later"]


async def test_a_command_is_cancelled_and_who_asked_gets_a_copy(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await probe.publish(OUT, {"id": "a", "to": TO, "message": "later", "send_at": ahead(hours=1)})
    await probe.publish(OUT, {"cancel": "a", "reply_topic": "wa/haby/reply/admin", "transaction": "c-1"})
    reply = await probe.wait("wa/haby/reply/admin")
    assert (reply["id"], reply["status"], reply["error"]["code"]) == ("a", "failed", "cancelled")
    assert (reply["to"], reply["transaction"]) == (f"{TO}@c.us", "c-1")
    await probe.publish(OUT, {"cancel": "a"})
    await probe.count(RESULT, 4)  # accepted; cancelled; the copy of who asked; again
    assert {result["status"] for result in probe.on(RESULT)[1:]} == {"failed"}
    assert harness.phone.sent == []


async def test_a_sent_one_is_answered_with_what_is_true(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    await probe.publish(OUT, {"id": "a", "to": TO, "message": "Hola"})
    sent = await probe.result("a", "sent")
    await probe.publish(OUT, {"cancel": "a", "transaction": "c-1"})
    answer = await probe.wait(RESULT, lambda result: result.get("transaction") == "c-1")
    assert (answer["id"], answer["status"], answer["message_id"]) == ("a", "sent", sent["message_id"])


@pytest.mark.parametrize(
    ("payload", "code", "said"),
    [
        ({"cancel": "nothing"}, "not_found", "no command of this id"),
        ({"cancel": ""}, "invalid", "cancel"),
        ({"cancel": 7}, "invalid", "cancel"),
        ({"cancel": "a", "to": TO}, "invalid", "to is not a known field"),
        ({"cancel": "a", "id": "b"}, "invalid", "id is not a known field"),
        ({"to": TO, "message": "x", "send_at": "tomorrow"}, "invalid", "send_at: must be a time such as"),
        ({"to": TO, "message": "x", "send_at": 1_800_000_000}, "invalid", "send_at: must be a time such as"),
        ({"to": TO, "message": "x", "send_at": "2027-01-31T12:00:00"}, "invalid", "send_at: "),
        ({"to": TO, "message": "x", "send_at": "2027-02-30T12:00:00Z"}, "invalid", "send_at: "),
        ({"to": TO, "message": "x", "send_at": ahead(days=400)}, "invalid", "more than a year ahead"),
        (
            {"to": TO, "message": "x", "send_at": ahead(hours=2), "expires_at": ahead(hours=1)},
            "invalid",
            "expires_at is not after send_at",
        ),
    ],
)
async def test_bad_input_is_answered_and_blocks_nothing(
    harness: BridgeUnderTest, probe: MqttProbe, payload: dict[str, Any], code: str, said: str
) -> None:
    await harness.start()
    await probe.publish(OUT, json.dumps(payload))
    refused = await probe.wait(RESULT, lambda result: result["status"] == "failed")
    assert (refused["error"]["code"], said in refused["error"]["text"]) == (code, True), refused["error"]
    await probe.publish(OUT, {"id": "b", "to": TO, "message": "Hola"})
    await probe.result("b", "sent")
    assert [message.text for message in harness.phone.sent] == ["Hola"]


async def test_a_retained_cancel_is_refused(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await probe.publish(OUT, json.dumps({"cancel": "a"}), retain=True)
    await harness.start()
    refused = await probe.wait(RESULT, lambda result: result["status"] == "failed")
    assert refused["error"]["code"] == "retained"


async def test_the_status_has_both_budgets(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    assert (await probe.state("connected"))["budget"] is None  # the tests' bridge has no pace
    await harness.stop()
    harness.settings = load(WA_DATA_DIR=harness.settings.data_dir, WA_INSTANCE="test", WA_NEW_PER_DAY=50)
    await harness.start()
    await probe.publish(OUT, {"id": "a", "to": TO, "message": "Hola"})
    await probe.result("a", "sent")
    status = await probe.wait(
        "wa/haby/status", lambda status: (status.get("budget") or {}).get("first_messages", {}).get("today") == 1
    )
    first = status["budget"]["first_messages"]
    assert (first["left"], first["per_day"], first["next_at"] is not None) == (0, 50, True)
    assert status["budget"]["answers"] == {"left": 4, "next_at": None, "every": 3.0}
    assert (first["every"], "quiet_hours" in status["budget"]) == (30.0, False)
    await probe.publish(OUT, {"id": "b", "to": "5491155500002", "message": "Hola"})
    waits = (await probe.result("b", "accepted"))["waits"]
    assert waits["reason"] == "first_message_pace"
    assert waits["until"] is not None
