"""Events of a store: each commit is reported once, with its times."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.contract.session import Reason, SessionState, Situation
from bridge.ports import (
    MQTT_READER,
    AlreadyJournalled,
    CommandAdvanced,
    CommandClaimed,
    Event,
    IllegalSendStep,
    Journalled,
    Published,
    StateEntered,
    Step,
    StoreUnusable,
    durations,
)
from bridge.store import open_store
from tests.store.conftest import SetClock
from tests.store.samples import claim, record, result, step


async def test_journalled_items_are_reported_and_repeated_ones_counted(path: Path, clock: SetClock) -> None:
    events: list[Event] = []
    async with open_store(path, now=clock, observe=events.append) as store:
        await store.journal.append([record("A"), record("B"), record("A")])
        await store.journal.append_event("{}", kind="own_message", once="own:A")
        await store.journal.append_event("{}", kind="own_message", once="own:A")
    first, second, repeated, own = events
    for event in (first, second):
        assert isinstance(event, Journalled)
        assert (event.stream, event.kind) == (Stream.IN, "chat")
        assert [step for step, _ in durations(event)] == [Step.JOURNAL]
    assert repeated == AlreadyJournalled(1)
    assert own == Journalled(Stream.EVENT, "own_message")
    assert list(durations(own)) == []


async def test_the_mqtt_cursor_reports_what_was_published_and_no_other_reader_does(path: Path, clock: SetClock) -> None:
    events: list[Event] = []
    async with open_store(path, now=clock, observe=events.append) as store:
        await store.journal.append([record("A"), record("B"), record("C")])
        await store.journal.move_cursor("listener:1", Stream.IN, 3)
        await store.journal.move_cursor(MQTT_READER, Stream.IN, 2)
        await store.journal.move_cursor(MQTT_READER, Stream.IN, 2)
    published = [event for event in events if isinstance(event, Published)]
    assert [(event.count, len(event.seconds)) for event in published] == [(2, 2), (0, 0)]
    events.clear()
    async with open_store(path, now=clock, observe=events.append) as store:
        await store.journal.move_cursor(MQTT_READER, Stream.IN, 3)
    assert events == [Published(Stream.IN, 1)]  # its commit time is no longer known


async def test_a_command_reports_its_claim_and_each_later_state_with_whatsapps_time(
    path: Path, clock: SetClock
) -> None:
    events: list[Event] = []
    async with open_store(path, now=clock, observe=events.append) as store:
        number = (await store.outbox.claim(claim(at=1000.0), result())).row.number
        assert not (await store.outbox.claim(claim(at=1000.0), result())).fresh
        for state, at in [
            (SendState.SENDING, 1001.0),
            (SendState.SENT, 1003.0),
            (SendState.DEVICE, 1010.0),
            (SendState.READ, 1030.0),
        ]:
            await store.outbox.change(number, step(state, at=at))
    claimed, *advanced = events
    assert isinstance(claimed, CommandClaimed)
    assert advanced == [
        CommandAdvanced(SendState.SENT, None, 3.0),
        CommandAdvanced(SendState.DEVICE, None, 7.0),
        CommandAdvanced(SendState.READ, None, 20.0),
    ]
    assert [list(durations(event)) for event in advanced] == [
        [(Step.SEND, 3.0)],
        [(Step.DELIVER, 7.0)],
        [(Step.READ, 20.0)],
    ]


async def test_an_uncommitted_write_is_not_reported(path: Path, clock: SetClock) -> None:
    events: list[Event] = []
    async with open_store(path, now=clock, observe=events.append) as store:
        number = (await store.outbox.claim(claim(), result())).row.number
        await store.outbox.change(number, step(SendState.FAILED))
        events.clear()
        with pytest.raises(IllegalSendStep):
            await store.outbox.change(number, step(SendState.SENDING))
    with pytest.raises(StoreUnusable):
        await store.journal.append([record("late")])
    assert events == []


async def test_a_state_that_is_entered_is_reported(path: Path, clock: SetClock) -> None:
    events: list[Event] = []
    async with open_store(path, now=clock, observe=events.append) as store:
        store.states.enter(Situation(SessionState.CONNECTED, Reason.READY), 10.0)
        store.states.seen(20.0)
    assert events == [StateEntered()]
