"""Faults are published on MQTT: rate limited, never contradicting the present state, without the text of messages."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from responder.fault_publisher import UnpublishedFaults
from responder.faults import Fault
from responder.timing import FaultTiming, ModelTiming, ReplyTiming, Timing
from tests.client.conftest import ANA, BETO
from tests.mqtt.probe import mqtt_probe
from tests.responder.conftest import ResponderHarness
from tests.responder.openai_server import OpenAiServer

TOPIC = "wa/responder/test/event"


def publish(faults: UnpublishedFaults, now: float) -> list[tuple[str, str, int]]:
    """Publish all that is due; returns (kind, text, count) of each."""
    published = []
    for fault, count in faults.due(now):
        faults.published(fault, count, now)
        published.append((fault.code, fault.text, count))
    return published


def test_one_of_a_kind_a_minute_with_a_count() -> None:
    faults = UnpublishedFaults(60)
    assert faults.next_due() is None
    for second in range(4):
        faults.note(Fault(second, "model_failed", "chat", f"number {second}"))
    assert publish(faults, 4) == [("model_failed", "number 3", 4)]
    faults.note(Fault(5, "model_failed", "chat", "again"))
    faults.note(Fault(6, "gap", "haby", "two are missing"))
    assert publish(faults, 6) == [("gap", "two are missing", 1)]
    assert faults.next_due() == 64
    assert publish(faults, 63.9) == []
    faults.note(Fault(63.9, "model_failed", "chat", "and again"))
    assert publish(faults, 64) == [("model_failed", "and again", 2)]
    assert faults.next_due() is None


def test_a_fault_noted_while_another_is_published_is_published_later() -> None:
    faults = UnpublishedFaults(60)
    faults.note(Fault(0, "gap", "haby", "first"))
    [(fault, count)] = faults.due(0)
    faults.note(Fault(1, "gap", "haby", "second"))
    faults.published(fault, count, 1)
    assert publish(faults, 61) == [("gap", "second", 1)]


@pytest.mark.parametrize("ends", ["database_down", "database_up"])
def test_the_last_published_event_is_true_however_often_the_state_changes(ends: str) -> None:
    faults, last = UnpublishedFaults(60), ""
    flutter = ["database_down", "database_up"] * 6
    for second, code in enumerate([*flutter, *([ends] if ends == "database_down" else [])]):
        faults.note(Fault(second, code, "database", ""))
        for kind, _, _ in publish(faults, second):
            last = kind
    for second in range(13, 200):
        for kind, _, _ in publish(faults, second):
            last = kind
    assert last == ends


async def test_a_failing_model_is_an_event_and_silence(harness: ResponderHarness) -> None:
    timing = Timing(
        model=ModelTiming(breaker=1.5), replies=ReplyTiming(0.1, longest_retry=0.1), faults=FaultTiming(spacing=0.5)
    )
    async with OpenAiServer() as server, mqtt_probe(harness.broker.url("panel")) as probe:
        server.script = [500] * 5
        await harness.start(
            openai_api_key="clave-de-prueba", openai_base_url=server.url, model_retries=0, gather=0, timing=timing
        )
        harness.bridge.phone.incoming(ANA, "¿Abren el 25?")
        await probe.wait(TOPIC, lambda event: event["kind"] == "model_resting")
        assert harness.bridge.phone.sent == []
        assert await harness.answers(1) == ["Sobre «¿Abren el 25?»: sí."]
        await probe.wait(TOPIC, lambda event: event["kind"] == "model_back")
    events = probe.on(TOPIC)
    failed = [event for event in events if event["kind"] == "model_failed"]
    assert failed[0]["count"] == 1
    assert sum(event["count"] for event in failed) >= 5
    assert len(failed) < sum(event["count"] for event in failed)
    assert (events[0]["v"], events[0]["instance"], events[0]["text"][:8]) == (1, "test", "HTTP 500")
    assert "5491155500001" not in str(events)
    assert "Abren" not in str(events)


async def test_faults_are_published_once_the_broker_is_back(harness: ResponderHarness) -> None:
    responder = await harness.start()
    harness.broker.kill()
    for _ in range(3):
        responder.faults.note("gap", "haby", "two items are missing")
    harness.broker.start()
    async with mqtt_probe(harness.broker.url("panel")) as probe:  # within the pause before the next try
        event = await probe.wait(TOPIC)
    assert (event["kind"], event["count"]) == ("gap", 3)


async def test_a_broker_that_is_down_is_a_problem_at_once_and_does_not_delay_the_shutdown(
    harness: ResponderHarness,
) -> None:
    responder = await harness.start()
    harness.broker.kill()
    await harness.until(lambda: responder.health.problems() == ["broker"], within=5)
    harness.broker.start()
    await harness.until(lambda: not responder.health.problems())
    await harness.stop()
    harness.broker.kill()
    responder = await harness.start(wait=False)
    await harness.until(lambda: responder.database.trouble is None)
    assert "broker" in responder.health.problems()
    started = time.monotonic()
    await harness.stop()
    assert time.monotonic() - started < 3
    harness.broker.start()


async def test_a_broker_that_refuses_the_switches_does_not_stop_the_conversations(harness: ResponderHarness) -> None:
    """MQTT 5 reports the refusal; a user without the responder's role stands for an ACL of an earlier version."""
    responder = await harness.start(user="reader", protocol="5")
    await harness.until(lambda: responder.faults.counts["broker_refused"] == 1)
    harness.bridge.phone.incoming(ANA, "¿Están?")
    assert await harness.verdicts(1) == ["no_answer"]


async def test_a_broken_rules_file_is_reported_with_its_line_and_the_previous_rules_answer(
    harness: ResponderHarness, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yaml"
    good = "version: 1\nrules:\n- name: horario\n  when: {contains: abren}\n  answer: De 9 a 18.\n"
    file.write_text(good)
    async with mqtt_probe(harness.broker.url("panel")) as probe:
        await harness.start(rules_file=file)
        file.write_text(good + "- name: envios\n  when: {contains: envian}\n  answr: Sí.\n")
        broken = await probe.wait(TOPIC, lambda event: event["kind"] == "rules_broken")  # without a message
        assert f"{file}: line " in broken["text"]
        assert "line 8: rules.1.answr" in broken["text"]
        harness.bridge.phone.incoming(ANA, "¿Abren hoy?")
        assert await harness.answers(1) == ["De 9 a 18."]
        file.write_text(good.replace("18", "19"))
        await probe.wait(TOPIC, lambda event: event["kind"] == "rules_mended")
        harness.bridge.phone.incoming(BETO, "¿Abren hoy?")
        assert (await harness.answers(2))[1] == "De 9 a 19."
