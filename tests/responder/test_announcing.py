"""What went wrong is told on MQTT, to those who may see states: seldom, truthfully, and without what anybody wrote."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from responder import fault_publisher, replies
from responder.fault_publisher import UnpublishedFaults
from responder.faults import Fault
from tests.client.conftest import ANA, BETO
from tests.mqtt.probe import mqtt_probe as hearing
from tests.responder.conftest import Whole
from tests.responder.openai_server import OpenAiServer

TOPIC = "wa/responder/test/event"


def tell(untold: UnpublishedFaults, now: float) -> list[tuple[str, str, int]]:
    """Tell all that is due; (kind, text, count) of each."""
    told = []
    for fault, count in untold.due(now):
        untold.told(fault, count, now)
        told.append((fault.code, fault.text, count))
    return told


def test_one_of_a_kind_a_minute_with_a_count() -> None:
    untold = UnpublishedFaults()
    assert untold.next_due() is None
    for second in range(4):
        untold.note(Fault(second, "model_failed", "chat", f"number {second}"))
    assert tell(untold, 4) == [("model_failed", "number 3", 4)]
    untold.note(Fault(5, "model_failed", "chat", "again"))
    untold.note(Fault(6, "gap", "haby", "two are missing"))
    assert tell(untold, 6) == [("gap", "two are missing", 1)]
    assert untold.next_due() == 64
    assert tell(untold, 63.9) == []
    untold.note(Fault(63.9, "model_failed", "chat", "and again"))
    assert tell(untold, 64) == [("model_failed", "and again", 2)]
    assert untold.next_due() is None


def test_what_comes_while_it_is_told_is_told_later() -> None:
    untold = UnpublishedFaults()
    untold.note(Fault(0, "gap", "haby", "first"))
    [(fault, count)] = untold.due(0)
    untold.note(Fault(1, "gap", "haby", "second"))
    untold.told(fault, count, 1)
    assert tell(untold, 61) == [("gap", "second", 1)]


@pytest.mark.parametrize("ends", ["database_down", "database_up"])
def test_however_it_flutters_the_last_that_is_told_is_true(ends: str) -> None:
    untold, last = UnpublishedFaults(), ""
    flutter = ["database_down", "database_up"] * 6
    for second, kind in enumerate([*flutter, *([ends] if ends == "database_down" else [])]):
        untold.note(Fault(second, kind, "database", ""))
        for told, _, _ in tell(untold, second):
            last = told
    for second in range(13, 200):
        for told, _, _ in tell(untold, second):
            last = told
    assert last == ends


@pytest.mark.timeout(90)
async def test_a_failing_model_is_an_event_and_silence(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_publisher, "SPACING", 0.5)
    monkeypatch.setattr(replies, "RETRY", 0.1)
    monkeypatch.setattr(replies, "LONGEST_RETRY", 0.1)
    async with OpenAiServer() as server, hearing(whole.broker.url("panel")) as ear:
        server.script = [500] * 5
        responder = await whole.start(
            openai_api_key="clave-de-prueba", openai_base_url=server.url, model_retries=0, gather=0
        )
        assert responder.model is not None
        responder.model.breaker.rest = 1.5
        whole.side.phone.incoming(ANA, "¿Abren el 25?")
        await ear.wait(TOPIC, lambda event: event["kind"] == "model_resting")
        assert whole.side.phone.sent == []
        assert await whole.answers(1) == ["Sobre «¿Abren el 25?»: sí."]
        await ear.wait(TOPIC, lambda event: event["kind"] == "model_back")
    events = ear.on(TOPIC)
    failed = [event for event in events if event["kind"] == "model_failed"]
    assert failed[0]["count"] == 1
    assert sum(event["count"] for event in failed) >= 5
    assert len(failed) < sum(event["count"] for event in failed)
    assert (events[0]["v"], events[0]["instance"], events[0]["text"][:8]) == (1, "test", "HTTP 500")
    assert "5491155500001" not in str(events)
    assert "Abren" not in str(events)


async def test_what_the_broker_missed_is_told_when_it_is_back(whole: Whole) -> None:
    responder = await whole.start()
    whole.broker.kill()
    for _ in range(3):
        responder.faults.note("gap", "haby", "two items are missing")
    whole.broker.start()
    async with hearing(whole.broker.url("panel")) as ear:  # within the pause before the next try
        told = await ear.wait(TOPIC)
    assert (told["kind"], told["count"]) == ("gap", 3)


async def test_a_broker_that_is_gone_is_amiss_at_once_and_keeps_no_end_waiting(whole: Whole) -> None:
    responder = await whole.start()
    whole.broker.kill()
    await whole.until(lambda: responder.condition.amiss() == ["broker"], within=5)
    whole.broker.start()
    await whole.until(lambda: responder.is_working)
    await whole.stop()
    whole.broker.kill()
    responder = await whole.start(wait=False)
    await whole.until(lambda: responder.database.trouble is None)
    assert "broker" in responder.condition.amiss()
    begun = time.monotonic()
    await whole.stop()
    assert time.monotonic() - begun < 3
    whole.broker.start()


async def test_a_broker_that_refuses_the_switches_does_not_stop_the_conversations(whole: Whole) -> None:
    """With MQTT 5 mosquitto says so; a user without the responder's role stands for an ACL from before."""
    responder = await whole.start(user="reader", protocol="5")
    await whole.until(lambda: responder.faults.counts["broker_refused"] == 1)
    whole.side.phone.incoming(ANA, "¿Están?")
    assert await whole.verdicts(1) == ["no_answer"]


async def test_a_rules_file_that_breaks_is_told_with_its_line_and_the_rules_from_before_answer(
    whole: Whole, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yaml"
    good = "version: 1\nrules:\n- name: horario\n  when: {contains: abren}\n  answer: De 9 a 18.\n"
    file.write_text(good)
    async with hearing(whole.broker.url("panel")) as ear:
        await whole.start(rules_file=file)
        file.write_text(good + "- name: envios\n  when: {contains: envian}\n  answr: Sí.\n")
        broken = await ear.wait(TOPIC, lambda event: event["kind"] == "rules_broken")  # nobody wrote meanwhile
        assert f"{file}: line " in broken["text"]
        assert "line 8: rules.1.answr" in broken["text"]
        whole.side.phone.incoming(ANA, "¿Abren hoy?")
        assert await whole.answers(1) == ["De 9 a 18."]
        file.write_text(good.replace("18", "19"))
        await ear.wait(TOPIC, lambda event: event["kind"] == "rules_mended")
        whole.side.phone.incoming(BETO, "¿Abren hoy?")
        assert (await whole.answers(2))[1] == "De 9 a 19."
