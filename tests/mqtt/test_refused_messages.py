"""A broker that refuses a message by its PUBACK (MQTT 5): the connection stays, and nothing that arrived is lost."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.backoff import Backoff
from bridge.contract.messages import Stream
from bridge.contract.session import Reason
from tests.mosquitto_server import SHIPPED, MosquittoServer
from tests.mqtt.conftest import QUICK, BridgeUnderTest
from tests.mqtt.probe import MqttProbe
from tests.mqtt.refusing_relay import Refusal, refusing_relay

ANA = "5491155500001@c.us"
QUOTA, FORMAT, SPECIFIC = 0x97, 0x99, 0x83


class Acl:
    """The shipped rules, in a file that a test changes while the broker runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broker: MosquittoServer | None = None
        self.allow()

    def deny(self, *topics: str) -> None:
        denied = "".join(f"topic deny {topic}\n" for topic in topics)
        shipped = (SHIPPED / "acl").read_text()
        assert "user bridge\ntopic readwrite wa/#\n" in shipped
        self.path.write_text(shipped.replace("user bridge\n", f"user bridge\n{denied}"))
        self.path.chmod(0o644)
        if self.broker is not None:
            os.kill(self.broker.pid, signal.SIGHUP)

    def allow(self) -> None:
        self.deny()


@pytest.fixture
def acl(tmp_path: Path) -> Acl:
    return Acl(tmp_path / "acl")


@pytest.fixture
def mosquitto(tmp_path: Path, acl: Acl) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto", acl=acl.path) as server:
        acl.broker = server
        yield server


@pytest.fixture
def harness(harness: BridgeUnderTest) -> BridgeUnderTest:
    harness.settings = harness.settings.model_copy(update={"mqtt_protocol": "5"})
    harness.limits = replace(QUICK, mqtt=replace(QUICK.mqtt, refused=Backoff(0.05, 0.1)))
    return harness


def downs(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Log lines about an end of the session's connection."""
    return [line for line in caplog.messages if line.startswith("haby: MQTT: ")]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


async def test_a_stream_that_the_acl_forbids_waits_and_the_status_says_so(
    harness: BridgeUnderTest,
    probe: MqttProbe,
    acl: Acl,
    caplog: pytest.LogCaptureFixture,
) -> None:
    acl.deny("wa/+/in")
    await harness.start()
    for text in ("uno", "dos", "tres"):
        harness.phone.incoming(ANA, text)
    status = await probe.wait("wa/haby/status", lambda one: one["reason"] == Reason.BROKER_REFUSES)
    assert (status["state"], "wa/haby/in" in status["text"]) == ("connected", True)
    # everything else goes on
    await probe.publish("wa/haby/out", {"id": "a", "to": ANA, "message": "Hola"})
    await probe.result("a", "sent")
    await probe.publish("wa/haby/replay", {"request": "r", "reader": "admin"})
    await probe.wait("wa/haby/replay/admin", lambda item: item.get("done") is True)
    assert [item["body"] for item in probe.on("wa/haby/replay/admin") if "body" in item] == ["uno", "dos", "tres"]
    assert await harness.journal.cursor("mqtt", Stream.IN) == 0
    acl.allow()
    items = await probe.count("wa/haby/in", 3)
    assert [item["body"] for item in items] == ["uno", "dos", "tres"]
    await probe.wait("wa/haby/status", lambda one: one["reason"] == "ready" and one["last_seq"] == 3)
    await probe.state("connected")
    assert downs(caplog) == []
    [line] = errors(caplog)  # one, however often it was tried
    assert "wa/haby/in" in line
    assert "ACL" in line


async def test_a_replay_that_the_acl_forbids_is_one_line_and_no_end(
    harness: BridgeUnderTest,
    probe: MqttProbe,
    acl: Acl,
    caplog: pytest.LogCaptureFixture,
) -> None:
    acl.deny("wa/+/replay/+")
    await harness.start()
    harness.phone.incoming(ANA, "uno")
    await probe.wait("wa/haby/in")
    await probe.publish("wa/haby/replay", {"request": "r", "reader": "admin"})
    await probe.publish("wa/haby/replay", {"request": "bad", "reader": "admin", "limit": -1})
    await probe.publish("wa/haby/out", {"id": "a", "to": ANA, "message": "Hola"})
    await probe.result("a", "sent")
    await harness.until(lambda: sum("a replay is not delivered" in line for line in caplog.messages) == 2)
    assert downs(caplog) == []
    status = await probe.state("connected")
    assert status["reason"] == "ready"  # a reader's own topic is no fault of the session


async def test_a_forbidden_qr_topic_stops_nothing_and_the_bridge_ends(
    harness: BridgeUnderTest,
    probe: MqttProbe,
    acl: Acl,
    caplog: pytest.LogCaptureFixture,
) -> None:
    acl.deny("wa/+/qr")
    await harness.start()
    harness.phone.incoming(ANA, "uno")
    await probe.wait("wa/haby/in")
    await probe.wait("wa/haby/status", lambda one: one["reason"] == Reason.BROKER_REFUSES)
    await harness.stop()
    await probe.state("offline")
    assert downs(caplog) == []


def refusing(code: int, marker: bytes, times: Callable[[], bool] = lambda: True) -> Refusal:
    """Refuses what has the marker in it, on `in` and on replays."""

    def refusal(topic: str, payload: bytes) -> int | None:
        return code if marker in payload and topic.startswith(("wa/haby/in", "wa/haby/replay/")) and times() else None

    return refusal


async def started(harness: BridgeUnderTest, mosquitto: MosquittoServer, port: int) -> None:
    harness.url = mosquitto.url("bridge", port=port)
    await harness.start()


async def test_an_item_that_is_refused_for_a_quota_comes_later_as_it_is(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer, caplog: pytest.LogCaptureFixture
) -> None:
    left = iter(range(6))
    async with refusing_relay(mosquitto.port, refusing(QUOTA, b"dos", lambda: next(left, None) is not None)) as port:
        await started(harness, mosquitto, port)
        for text in ("uno", "dos", "tres"):
            harness.phone.incoming(ANA, text)
        items = await probe.count("wa/haby/in", 3)
        assert sorted((item["seq"], item["body"]) for item in items) == [(1, "uno"), (2, "dos"), (3, "tres")]
        assert downs(caplog) == []
        await harness.stop()


@pytest.mark.parametrize("code", [FORMAT, SPECIFIC])
async def test_an_item_that_is_refused_for_itself_comes_without_its_content(
    harness: BridgeUnderTest,
    probe: MqttProbe,
    mosquitto: MosquittoServer,
    caplog: pytest.LogCaptureFixture,
    code: int,
) -> None:
    async with refusing_relay(mosquitto.port, refusing(code, b"dos")) as port:
        await started(harness, mosquitto, port)
        for text in ("uno", "dos", "tres"):
            harness.phone.incoming(ANA, text)
        items: dict[int, Any] = {item["seq"]: item for item in await probe.count("wa/haby/in", 3)}
        assert [items[seq]["body"] for seq in (1, 2, 3)] == ["uno", "", "tres"]
        assert items[2]["oversized"] > 100
        await probe.publish("wa/haby/replay", {"request": "r", "reader": "admin"})
        end = await probe.wait("wa/haby/replay/admin", lambda item: item.get("done") is True)
        found = {item["seq"]: item["body"] for item in probe.on("wa/haby/replay/admin") if "body" in item}
        assert (found, end["next"]) == ({1: "uno", 2: "", 3: "tres"}, None)
        assert downs(caplog) == []
        await harness.stop()


async def test_an_item_that_is_refused_even_without_its_content_is_left_out(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer, caplog: pytest.LogCaptureFixture
) -> None:
    def refusal(topic: str, payload: bytes) -> int | None:
        return FORMAT if topic == "wa/haby/in" and json.loads(payload)["seq"] == 2 else None

    async with refusing_relay(mosquitto.port, refusal) as port:
        await started(harness, mosquitto, port)
        for text in ("uno", "dos", "tres"):
            harness.phone.incoming(ANA, text)
        items = await probe.count("wa/haby/in", 2)
        assert [item["seq"] for item in items] == [1, 3]
        await harness.until(lambda: any("in 2 is not published" in line for line in errors(caplog)))
        (whole,) = (await harness.journal.read(Stream.IN, 1, 1)).items
        assert json.loads(whole[1])["body"] == "dos"
        assert downs(caplog) == []
        await harness.stop()


async def test_a_result_that_is_refused_stops_no_other(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer, caplog: pytest.LogCaptureFixture
) -> None:
    def refusal(topic: str, payload: bytes) -> int | None:
        return FORMAT if topic == "wa/haby/result" and b'"id":"a"' in payload else None

    async with refusing_relay(mosquitto.port, refusal) as port:
        await started(harness, mosquitto, port)
        for name in ("a", "b"):
            await probe.publish("wa/haby/out", {"id": name, "to": ANA, "message": "Hola"})
        await probe.result("b", "sent")
        assert not [one for one in probe.on("wa/haby/result") if one["id"] == "a"]
        assert downs(caplog) == []
        await harness.stop()


async def test_commands_that_are_refused_stop_nothing_and_are_asked_for_again(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer, caplog: pytest.LogCaptureFixture
) -> None:
    allowed: list[str] = []

    def refusal(topic: str, payload: bytes) -> int | None:
        return 0x87 if topic == "wa/haby/out" and not payload and not allowed else None

    async with refusing_relay(mosquitto.port, refusal) as port:
        await started(harness, mosquitto, port)
        harness.phone.incoming(ANA, "uno")
        await probe.wait("wa/haby/in")
        status = await probe.wait("wa/haby/status", lambda one: one["reason"] == Reason.BROKER_REFUSES)
        assert "subscribe to wa/haby/out" in status["text"]
        allowed.append("now")
        await harness.until(lambda: bool(probe.on("wa/haby/status")[-1]["reason"] == "ready"))
        await probe.publish("wa/haby/out", {"id": "a", "to": ANA, "message": "Hola"})
        await probe.result("a", "sent")
        assert downs(caplog) == []
        assert len(errors(caplog)) == 1
        await harness.stop()
