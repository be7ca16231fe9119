"""A broker with a packet limit: what is too large is published without its content, and holds nothing up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.contract.messages import Inbound, Stream
from bridge.settings import BridgeSettings
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe

ANA = "5491155500001@c.us"
LONG = "💥" * 60_000


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto", extra="max_packet_size 131072\n") as server:
        yield server


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_one_long_text_does_not_stop_what_follows(
    harness: BridgeUnderTest, probe: MqttProbe, protocol: str
) -> None:
    harness.settings = harness.settings.model_copy(update={"mqtt_protocol": protocol})
    await harness.start()
    for text in ("antes", LONG, "despues"):
        harness.phone.incoming(ANA, text)
    harness.phone.own(ANA, LONG)
    received = await probe.wait("wa/haby/in", lambda item: item["body"] == "despues", within=40)
    event = await probe.wait("wa/haby/event", within=40)
    items = {item["seq"]: item for item in probe.on("wa/haby/in")}
    assert [items[seq]["body"] for seq in (1, 2, 3)] == ["antes", "", "despues"]
    cut = Inbound.model_validate(items[2])
    assert (cut.from_, cut.type, cut.kind) == (ANA, "chat", "text")
    assert (cut.oversized or 0) > 240_000
    assert received["seq"] == 3
    assert (event["kind"], event["message"]["body"]) == ("own_message", "")
    assert event["oversized"] > 240_000
    (whole,) = (await harness.journal.read(Stream.IN, 1, 1)).items
    assert json.loads(whole[1])["body"] == LONG


async def test_a_replay_holds_the_rest(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await harness.start()
    for text in ("antes", LONG, "despues"):
        harness.phone.incoming(ANA, text)
    await probe.wait("wa/haby/in", lambda item: item["body"] == "despues", within=40)
    await probe.publish("wa/haby/replay", {"request": "r", "reader": "admin"})
    end = await probe.wait("wa/haby/replay/admin", lambda item: item.get("done") is True)
    bodies = [item["body"] for item in probe.on("wa/haby/replay/admin") if "body" in item]
    assert (bodies, end["next"]) == (["antes", "", "despues"], None)


async def test_a_result_that_is_too_large_comes_without_what_the_command_repeats(
    settings: BridgeSettings, harness: BridgeUnderTest, probe: MqttProbe
) -> None:
    await harness.start()
    command = {"id": "a", "to": ANA, "message": "Hola", "meta": "m" * 130_900}
    await probe.publish("wa/haby/out", command)
    sent = await probe.wait("wa/haby/result", lambda result: result["status"] == "sent", within=40)
    assert (sent["id"], sent.get("meta")) == ("a", None)
    assert sent["oversized"] > 131_000
    await probe.publish("wa/haby/out", {"id": "b", "to": ANA, "message": "Chau"})
    await probe.result("b", "sent")
