"""The streams: numbers without gaps, bounds, cursors, watermarks, waiting."""

from __future__ import annotations

import asyncio

import pytest

from bridge.contract.messages import Stream
from bridge.ports import Acquaintance, Bounds
from bridge.store import SessionStore
from tests.store.conftest import Opener, SetClock
from tests.store.samples import GROUP, LID, OTHER_PN, PN, record


async def test_a_new_store_holds_nothing(store: SessionStore) -> None:
    assert [store.journal.bounds(stream) for stream in Stream] == [Bounds(None, 0)] * 2
    assert (await store.journal.read(Stream.IN, 0, 10)).items == ()
    assert store.journal.last_inbound_at is None
    assert await store.journal.watermarks() == {}


async def test_messages_are_numbered_from_1_without_gaps_across_duplicates(store: SessionStore) -> None:
    assert await store.journal.append([record("A"), record("B"), record("A"), record("C")]) == [1, 2, None, 3]
    assert await store.journal.append([record("B"), record("D")]) == [None, 4]
    assert store.journal.bounds(Stream.IN) == Bounds(1, 4)


async def test_the_streams_count_apart(store: SessionStore) -> None:
    assert await store.journal.append_event('{"kind":"own_message"}') == 1
    assert await store.journal.append([record("A")]) == [1]
    assert await store.journal.append_event("{}") == 2
    assert (await store.journal.read(Stream.EVENT, 0, 10)).items == ((1, '{"kind":"own_message"}'), (2, "{}"))


async def test_a_page_has_the_items_after_a_seq(store: SessionStore) -> None:
    await store.journal.append([record(raw_id) for raw_id in "ABCDE"])
    page = await store.journal.read(Stream.IN, 2, 2)
    assert [seq for seq, _ in page.items] == [3, 4]
    assert page.bounds == Bounds(1, 5)
    assert page.items[0][1] == record("C").body


@pytest.mark.parametrize("text", ["नमस्ते", "👩‍👩‍👧", "שלום", "a\x00b", "x" * 100_000])
async def test_bodies_come_back_as_they_were(store: SessionStore, text: str) -> None:
    await store.journal.append_event(text)
    assert (await store.journal.read(Stream.EVENT, 0, 1)).items == ((1, text),)


async def test_an_event_with_a_key_is_journalled_once(opener: Opener) -> None:
    async with opener() as store:
        assert [await store.journal.append_event("{}", once="own:A") for _ in range(2)] == [1, None]
    async with opener() as store:
        assert await store.journal.append_event("{}", once="own:A") is None
        assert await store.journal.append_event("{}", once="own:B") == 2


async def test_everything_survives_a_restart(opener: Opener, clock: SetClock) -> None:
    async with opener() as store:
        epoch = store.epoch
        await store.journal.append([record("A"), record("B")])
        await store.journal.append_event("{}")
        await store.journal.move_cursor("mqtt", Stream.IN, 2)
        arrived = clock.seconds
    clock.seconds += 60
    async with opener() as store:
        assert store.epoch == epoch
        assert store.journal.bounds(Stream.IN) == Bounds(1, 2)
        assert store.journal.bounds(Stream.EVENT) == Bounds(1, 1)
        assert store.journal.last_inbound_at == arrived
        assert await store.journal.cursor("mqtt", Stream.IN) == 2
        assert await store.journal.append([record("A"), record("C")]) == [None, 3]


async def test_a_cursor_belongs_to_one_reader_of_one_stream_and_never_moves_back(store: SessionStore) -> None:
    await store.journal.append([record(raw_id) for raw_id in "ABC"])
    await store.journal.move_cursor("mqtt", Stream.IN, 3)
    await store.journal.move_cursor("mqtt", Stream.IN, 1)
    assert await store.journal.cursor("mqtt", Stream.IN) == 3
    assert await store.journal.cursor("mqtt", Stream.EVENT) == 0
    assert await store.journal.cursor("webhook", Stream.IN) == 0


async def test_a_cursor_cannot_pass_the_last_item(store: SessionStore) -> None:
    await store.journal.append([record("A")])
    with pytest.raises(ValueError, match="the last is 1"):
        await store.journal.move_cursor("mqtt", Stream.IN, 2)
    assert await store.journal.cursor("mqtt", Stream.IN) == 0


async def test_a_watermark_is_the_newest_time_in_its_chat(store: SessionStore) -> None:
    await store.journal.append([record("A", timestamp=20), record("B", timestamp=10), record("C", GROUP, timestamp=5)])
    assert await store.journal.watermarks() == {PN: 20, GROUP: 5}


async def test_a_duplicate_moves_the_watermark_of_the_address_it_came_by(store: SessionStore) -> None:
    await store.people.keep(Acquaintance(pairs=[(LID, PN)]))
    await store.journal.append([record("A", PN, timestamp=20)])
    assert await store.journal.append([record("A", LID, timestamp=20)]) == [None]
    assert await store.journal.watermarks() == {PN: 20, LID: 20}


async def test_watermarks_of_a_chats_addresses_are_levelled(store: SessionStore) -> None:
    messages = [record("A", PN, timestamp=20), record("B", OTHER_PN, timestamp=20), record("C", LID, timestamp=30)]
    await store.people.keep(Acquaintance(pairs=[(LID, PN)]))
    await store.journal.append(messages)
    await store.journal.level_watermarks()
    assert await store.journal.watermarks() == {PN: 30, OTHER_PN: 20, LID: 30}
    await store.journal.append([record("D", PN, timestamp=40)])
    await store.journal.level_watermarks()
    assert await store.journal.watermarks() == {PN: 40, OTHER_PN: 20, LID: 40}


async def test_an_alias_outlives_a_restart_and_may_be_added_again(opener: Opener) -> None:
    async with opener() as store:
        await store.people.keep(Acquaintance(pairs=[(LID, PN)]))
        await store.people.keep(Acquaintance(pairs=[(LID, PN)]))
        await store.journal.append([record("A", PN, content="one")])
    async with opener() as store:
        await store.people.keep(Acquaintance(pairs=[(LID, OTHER_PN)]))
        assert await store.journal.append([record("A", LID, content="two")]) == [None]


async def test_waiting_ends_when_the_stream_passes_the_seq(store: SessionStore) -> None:
    async with asyncio.TaskGroup() as group:
        one = group.create_task(store.journal.wait_beyond(Stream.IN, 0), name="beyond 0")
        two = group.create_task(store.journal.wait_beyond(Stream.IN, 1), name="beyond 1")
        events = group.create_task(store.journal.wait_beyond(Stream.EVENT, 0), name="events")
        await store.journal.append([record("A")])
        await one
        assert not two.done()
        await store.journal.append([record("A"), record("B")])
        await two
        assert not events.done()
        events.cancel()


async def test_existing_items_are_not_waited_for(opener: Opener) -> None:
    async with opener() as store:
        await store.journal.append([record("A")])
    async with opener() as store, asyncio.timeout(5):
        await store.journal.wait_beyond(Stream.IN, 0)


async def test_a_cancelled_waiter_affects_no_other(store: SessionStore) -> None:
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(store.journal.wait_beyond(Stream.IN, 0), name="gone")
        stays = group.create_task(store.journal.wait_beyond(Stream.IN, 0), name="stays")
        await asyncio.sleep(0)
        gone.cancel()
        await store.journal.append([record("A")])
        await stays


async def test_calls_are_journalled_in_the_order_they_were_made(store: SessionStore) -> None:
    raw_ids = [f"{number:03}" for number in range(200)]
    seqs = await asyncio.gather(*(store.journal.append([record(raw_id)]) for raw_id in raw_ids))
    assert seqs == [[number] for number in range(1, 201)]


async def test_a_forgotten_reader_is_a_new_one(store: SessionStore) -> None:
    await store.journal.append([record("A"), record("B")])
    await store.journal.append_event("{}")
    for stream in Stream:
        await store.journal.move_cursor("listener", stream, 1)
        await store.journal.move_cursor("mqtt", stream, 1)

    await store.journal.forget_cursor("listener")

    assert [await store.journal.cursor("listener", stream) for stream in Stream] == [0, 0]
    assert [await store.journal.cursor("mqtt", stream) for stream in Stream] == [1, 1]
