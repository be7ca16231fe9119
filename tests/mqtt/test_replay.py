"""Replays: stored items for one reader, page by page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.contract.messages import Stream
from bridge.mqtt.replay import has_gap
from bridge.ports import Bounds
from bridge.store import retention
from bridge.store.journal import SqliteJournal
from tests.mqtt.conftest import QUICK, BridgeUnderTest
from tests.mqtt.probe import MqttProbe

ANA = "5491155500001@c.us"


@pytest.fixture
async def filled(harness: BridgeUnderTest, probe: MqttProbe) -> BridgeUnderTest:
    """A bridge whose journal has seven messages and two events."""
    return await fill(harness, probe)


async def fill(harness: BridgeUnderTest, probe: MqttProbe, **limits: Any) -> BridgeUnderTest:
    harness.limits = replace(QUICK, mqtt=replace(QUICK.mqtt, **limits))
    await harness.start()
    for number in range(1, 8):
        harness.phone.incoming(ANA, str(number))
    for number in range(1, 3):
        harness.phone.own(ANA, f"own {number}")
    await probe.count("wa/haby/in", 7)
    await probe.count("wa/haby/event", 2)
    return harness


async def replay(probe: MqttProbe, request: str, **fields: Any) -> list[dict[str, Any]]:
    """One page, including its end."""
    topic = "wa/haby/replay/till"
    known = len(probe.on(topic))
    await probe.publish("wa/haby/replay", {"request": request, "reader": "till", **fields})
    await probe.wait(topic, lambda item: item.get("request") == request)
    return probe.on(topic)[known:]


async def test_without_a_cursor_everything_is_replayed_exactly_as_published(
    filled: BridgeUnderTest, probe: MqttProbe
) -> None:
    *items, end = await replay(probe, "r")
    assert items == probe.on("wa/haby/in")
    expected = {"done": True, "first_seq": 1, "last_seq": 7, "next": None, "gap": False, "stream": "in"}
    assert {name: end[name] for name in expected} == expected
    assert end["epoch"] == items[0]["epoch"]
    assert not any(delivery.retain for delivery in probe.received if "/replay/" in delivery.topic)


async def test_pages_are_requested_one_after_the_other(filled: BridgeUnderTest, probe: MqttProbe) -> None:
    epoch = filled.session._journal.epoch
    bodies: list[str] = []
    after: int | None = 0
    for request in ("1", "2", "3"):
        *items, end = await replay(probe, request, after={"epoch": epoch, "seq": after}, limit=3)
        bodies += [item["body"] for item in items]
        after = end["next"]
    assert (bodies, after) == (["1", "2", "3", "4", "5", "6", "7"], None)


async def test_events_have_their_own_stream(filled: BridgeUnderTest, probe: MqttProbe) -> None:
    epoch = filled.session._journal.epoch
    *items, end = await replay(probe, "r", stream="event", after={"epoch": epoch, "seq": 1})
    assert [item["message"]["body"] for item in items] == ["own 2"]
    assert (end["stream"], end["last_seq"]) == ("event", 2)


async def test_a_cursor_of_another_epoch_starts_from_the_oldest(filled: BridgeUnderTest, probe: MqttProbe) -> None:
    *items, _ = await replay(probe, "r", after={"epoch": "another", "seq": 5}, limit=2)
    assert [item["seq"] for item in items] == [1, 2]


async def test_a_cursor_at_the_end_or_beyond_gets_only_the_end(filled: BridgeUnderTest, probe: MqttProbe) -> None:
    for seq in (7, 99, 2**63 - 1):
        (end,) = await replay(probe, f"r{seq}", after={"epoch": filled.session._journal.epoch, "seq": seq})
        assert (end["next"], end["gap"]) == (None, False)


async def test_compacted_items_are_reported_as_a_gap(filled: BridgeUnderTest, probe: MqttProbe) -> None:
    journal = filled.session._journal
    assert isinstance(journal, SqliteJournal)
    far_later = filled.session._clock.now() + 1000
    await retention.compact(journal._database, far_later, 1.0, 10**9, journal.take_bounds, journal.take_memory)
    oldest = journal.bounds(Stream.IN).first
    assert oldest is not None
    assert oldest > 4
    *items, end = await replay(probe, "r", after={"epoch": journal.epoch, "seq": 3})
    assert [item["seq"] for item in items] == list(range(oldest, 8))
    assert (end["gap"], end["first_seq"], end["last_seq"], end["next"]) == (True, oldest, 7, None)
    *_, end = await replay(probe, "s", after={"epoch": journal.epoch, "seq": oldest - 1})
    assert end["gap"] is False


@pytest.mark.parametrize(
    ("after", "bounds", "gap"),
    [
        (0, Bounds(None, 0), False),
        (0, Bounds(1, 5), False),
        (1, Bounds(2, 5), False),
        (0, Bounds(2, 5), True),
        (3, Bounds(None, 5), True),
        (5, Bounds(None, 5), False),
        (9, Bounds(2, 5), False),
    ],
)
def test_when_a_gap_is_reported(after: int, bounds: Bounds, gap: bool) -> None:
    assert has_gap(after, bounds) is gap


@pytest.mark.parametrize("fields", [{"limit": 0}, {"limit": 5001}, {"stream": "acks"}, {"after": 7}, {"lmit": 3}])
async def test_an_invalid_request_is_answered_to_its_reader(
    filled: BridgeUnderTest, probe: MqttProbe, fields: dict[str, Any]
) -> None:
    (end,) = await replay(probe, "r", **fields)
    assert end["error"]["code"] == "invalid"
    assert next(iter(fields)) in end["error"]["text"]


@pytest.mark.parametrize("reader", ["a/b", "+", "#", "", 7, None])
async def test_a_request_without_a_reader_is_answered_as_a_refusal(
    filled: BridgeUnderTest, probe: MqttProbe, reader: Any
) -> None:
    await probe.publish("wa/haby/replay", {"request": "r", "reader": reader})
    refused = await probe.wait("wa/haby/result", lambda result: result["id"] == "r")
    assert (refused["status"], refused["topic"], refused["error"]["code"]) == ("failed", "wa/haby/replay", "invalid")


async def test_a_retained_request_is_ignored(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await probe.publish("wa/haby/replay", {"request": "r", "reader": "till"}, retain=True)
    await harness.start()
    await probe.barrier()
    assert probe.on("wa/haby/replay/till") == []


async def test_one_reader_with_many_requests_keeps_no_other_waiting(filled: BridgeUnderTest, probe: MqttProbe) -> None:
    """Each request is answered or refused, also the one that waits while another reader sends thousands."""
    many = 400
    for number in range(many // 2):
        await probe.publish("wa/haby/replay", {"request": f"a{number}", "reader": "greedy"})
    await probe.publish("wa/haby/replay", {"request": "mine", "reader": "till"})
    for number in range(many // 2, many):
        await probe.publish("wa/haby/replay", {"request": f"a{number}", "reader": "greedy"})
    await probe.wait("wa/haby/replay/till", lambda item: item.get("request") == "mine")
    await probe.wait("wa/haby/replay/greedy", lambda item: item.get("request") == f"a{many - 1}")
    assert [item["body"] for item in probe.on("wa/haby/replay/till")[:-1]] == list("1234567")
    ends = {item["request"]: item.get("error") for item in probe.on("wa/haby/replay/greedy") if item.get("done")}
    assert len(ends) == many
    assert {error["code"] for error in ends.values() if error} <= {"cancelled"}


async def test_readers_beyond_the_limit_are_refused_and_none_is_dropped(
    harness: BridgeUnderTest, probe: MqttProbe
) -> None:
    await fill(harness, probe, replays=0)
    (end,) = await replay(probe, "r")
    assert (end["error"]["code"], end["error"]["transient"]) == ("limit_reached", True)


async def test_a_long_page_takes_turns_with_others(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await fill(harness, probe, replay_turn=1)
    for reader in ("first", "second"):
        await probe.publish("wa/haby/replay", {"request": "r", "reader": reader})
    for reader in ("first", "second"):
        await probe.wait(f"wa/haby/replay/{reader}", lambda item: item.get("done"))
    order = [delivery.topic.rpartition("/")[2] for delivery in probe.received if "/replay/" in delivery.topic]
    assert order.index("second") < len(order) - 1 - order[::-1].index("first")
