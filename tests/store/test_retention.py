"""Retention: deleted items, commands, notices and keys, and those that stay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.ports import Bounds, NewNotice, RequestClaim
from bridge.store import Compaction, SessionStore
from tests.store.conftest import Opener, SetClock
from tests.store.samples import DAY, claim, record, result, step

FOREVER, ANY_SIZE = 1e12, 10**12


async def seqs(store: SessionStore, stream: Stream = Stream.IN) -> list[int]:
    return [seq for seq, _ in (await store.journal.read(stream, 0, 10_000)).items]


async def test_items_are_deleted_by_age_and_bounds_stay_correct(opener: Opener, clock: SetClock) -> None:
    async with opener() as store:
        for raw_id in "ABCD":
            await store.journal.append([record(raw_id, timestamp=int(clock.seconds))])
            await store.journal.append_event("{}")
            clock.seconds += DAY
        done = await store.compact(max_age=2.5 * DAY, max_bytes=ANY_SIZE)
        assert done == Compaction(items=4)
        assert await seqs(store) == await seqs(store, Stream.EVENT) == [3, 4]
        assert store.journal.bounds(Stream.IN) == store.journal.bounds(Stream.EVENT) == Bounds(3, 4)
    async with opener() as store:
        assert (await store.journal.read(Stream.IN, 0, 1)).bounds == store.journal.bounds(Stream.IN) == Bounds(3, 4)
        assert await store.journal.append([record("E")]) == [5]


async def test_cursor_times_are_deleted_with_the_items(store: SessionStore, clock: SetClock) -> None:
    for raw_id in "ABCD":
        await store.journal.append([record(raw_id, timestamp=int(clock.seconds))])
        await store.journal.move_cursor("mqtt", Stream.IN, ord(raw_id) - ord("A") + 1)
        clock.seconds += DAY
    await store.compact(max_age=2.5 * DAY, max_bytes=ANY_SIZE)
    rows = await store.database.read(lambda connection: connection.execute("SELECT seq FROM moves").fetchall())
    assert rows == [(3,), (4,)]
    assert await store.journal.cursor("mqtt", Stream.IN) == 4


async def test_items_are_deleted_by_size_oldest_of_both_streams_first(store: SessionStore) -> None:
    for n in range(10):
        await store.journal.append_event("e" * 100)
        await store.journal.append([record(str(n))])
    size = len(record("0").body)
    assert (await store.compact(max_age=FOREVER, max_bytes=3 * 100 + 3 * size)).items == 14
    assert await seqs(store) == await seqs(store, Stream.EVENT) == [8, 9, 10]
    assert (await store.compact(max_age=FOREVER, max_bytes=3 * 100 + 3 * size)).items == 0


async def test_size_is_counted_in_bytes(store: SessionStore) -> None:
    await store.journal.append_event("ñ" * 100)
    await store.journal.append_event("e" * 100)
    assert (await store.compact(max_age=FOREVER, max_bytes=299)).items == 1


async def test_the_newest_item_of_a_stream_stays(store: SessionStore, clock: SetClock) -> None:
    await store.journal.append_event("{}")
    await store.journal.append([record("A"), record("B")])
    clock.seconds += 1000 * DAY
    assert (await store.compact(max_age=0, max_bytes=0)).items == 1
    assert store.journal.bounds(Stream.EVENT) == Bounds(1, 1)
    assert store.journal.bounds(Stream.IN) == Bounds(2, 2)


async def test_a_deleted_message_is_still_recognised_as_a_duplicate(opener: Opener, clock: SetClock) -> None:
    async with opener() as store:
        await store.journal.append([record(raw_id) for raw_id in "ABC"])
        await store.journal.append_event("{}", once="own:A")
        await store.outbox.report_once("retained", result())
        clock.seconds += 1000 * DAY
        await store.compact(max_age=0, max_bytes=0)
    async with opener() as store:
        assert await store.journal.append([record("A"), record("D")]) == [None, 4]
        assert await store.journal.append_event("{}", once="own:A") is None
        assert not await store.outbox.report_once("retained", result())


async def test_a_key_is_deleted_once_all_messages_of_its_age_are_history(opener: Opener, clock: SetClock) -> None:
    written = int(clock.seconds)
    for days, raw_id in ((0, "A"), (399, "B"), (402, "C"), (420, "D")):
        clock.seconds = written + days * DAY
        async with opener() as store:
            await store.journal.append([record(raw_id, timestamp=int(clock.seconds))])
            await store.journal.append_event("{}", once=f"own:{raw_id}")
            done = await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)
            assert done.keys == 0  # what becomes history goes with the next round
            # 3 days later is not yet a hundredth of the time later
            assert store.journal.remembers_from == written + (-DAY if raw_id == "C" else (days - 400) * DAY)
    clock.seconds += 5 * DAY
    async with opener() as store:
        assert store.journal.remembers_from == written + 20 * DAY
        await store.journal.append([record("E", timestamp=int(clock.seconds))])
        assert (await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)).keys == 2
        known = [record(raw_id, timestamp=written + days * int(DAY)) for days, raw_id in ((0, "A"), (399, "B"))]
        assert await store.journal.append(known) == [6, None]
        assert await store.journal.append_event("{}", once="own:B") is None


async def test_keys_age_by_whatsapps_clock_and_stay_without_a_time(store: SessionStore, clock: SetClock) -> None:
    await store.journal.append([record("A"), record("timeless", timestamp=0)])
    for _ in range(3):  # the clock is years ahead; no message is as new
        clock.seconds += 1000 * DAY
        assert (await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)).keys == 0
    assert store.journal.remembers_from < 1_700_000_000
    for days in (1, 500, 1000):
        await store.journal.append([record(f"{days}", timestamp=1_700_000_000 + days * int(DAY))])
        await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)
    assert await store.journal.append([record("timeless", timestamp=0)]) == [None]


async def test_more_keys_than_one_scan_covers(store: SessionStore, clock: SetClock) -> None:
    await store.journal.append([record(f"{number:05}", timestamp=1000 + number) for number in range(11_000)])
    forgotten = []
    for _ in range(2):
        clock.seconds += 10 * DAY
        await store.journal.append([record(f"at {clock.seconds}", timestamp=int(clock.seconds))])
        forgotten.append((await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)).keys)
    assert forgotten == [0, 11_000]


async def test_a_clock_that_jumps_ahead_costs_one_day_of_ids(store: SessionStore, clock: SetClock) -> None:
    await store.outbox.claim(claim(at=clock.seconds), result())
    number = (await store.outbox.claim(claim("old", at=clock.seconds), result())).row.number
    for state in (SendState.SENDING, SendState.SENT):
        await store.outbox.change(number, step(state, at=clock.seconds))
    true, clock.seconds = clock.seconds, clock.seconds + DAY
    await store.compact(max_age=30 * DAY, max_bytes=ANY_SIZE)
    clock.seconds = true + 90 * DAY
    for _ in range(28):
        assert (await store.compact(max_age=30 * DAY, max_bytes=ANY_SIZE)).commands == 0
    assert not (await store.outbox.claim(claim("old"), result())).fresh
    assert sum([(await store.compact(max_age=30 * DAY, max_bytes=ANY_SIZE)).commands for _ in range(3)]) == 1
    clock.seconds = true  # put right: nothing more goes
    assert (await store.compact(max_age=30 * DAY, max_bytes=ANY_SIZE)) == Compaction()


async def test_a_message_confirms_the_clock(store: SessionStore, clock: SetClock) -> None:
    await store.journal.append([record("A"), record("B")])
    await store.compact(max_age=30 * DAY, max_bytes=ANY_SIZE)
    clock.seconds += 60 * DAY
    assert (await store.compact(max_age=30 * DAY, max_bytes=ANY_SIZE)).items == 0
    await store.journal.append([record("C", timestamp=int(clock.seconds))])
    assert (await store.compact(max_age=30 * DAY, max_bytes=ANY_SIZE)).items == 2


async def test_a_command_is_kept_for_30_days_from_its_last_change(store: SessionStore, clock: SetClock) -> None:
    start = clock.seconds
    number = (await store.outbox.claim(claim(at=start), result())).row.number
    await store.outbox.change(number, step(SendState.SENDING, at=start))
    await store.outbox.change(number, step(SendState.SENT, at=start + 5 * DAY))
    clock.seconds = start + 34.9 * DAY
    assert (await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)).commands == 0
    assert not (await store.outbox.claim(claim(), result())).fresh
    assert (await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE, ids_remembered=29.95 * DAY)).commands == 0
    clock.seconds = start + 35.1 * DAY
    assert (await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE, ids_remembered=60 * DAY)).commands == 0
    assert (await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)).commands == 1
    again = await store.outbox.claim(claim(), result())
    assert again.fresh
    assert again.row.number > number


@pytest.mark.parametrize("state", [SendState.ACCEPTED, SendState.SENDING])
async def test_an_open_command_is_never_deleted(store: SessionStore, clock: SetClock, state: SendState) -> None:
    number = (await store.outbox.claim(claim(at=clock.seconds), result())).row.number
    if state is SendState.SENDING:
        await store.outbox.change(number, step(state, at=clock.seconds))
    clock.seconds += 1000 * DAY
    assert (await store.compact(max_age=0, max_bytes=0)).commands == 0
    assert store.outbox.open_count == 1


async def test_an_answered_request_is_kept_for_30_days(store: SessionStore, clock: SetClock) -> None:
    start = clock.seconds
    for name in ("answered", "open"):
        await store.requests.claim(RequestClaim(name, "chats.read", "{}", "0", start))
    await store.requests.answer(1, NewNotice("response", "{}"), start + DAY)
    clock.seconds = start + 30.9 * DAY
    assert (await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)).requests == 0
    clock.seconds = start + 31.1 * DAY
    assert (await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)).requests == 1
    assert [row.claim.id for row in await store.requests.unanswered()] == ["open"]
    assert (await store.requests.claim(RequestClaim("answered", "chats.read", "{}", "0", start))).fresh


async def test_only_published_notices_are_deleted_and_their_numbers_not_reused(
    store: SessionStore, clock: SetClock
) -> None:
    await store.outbox.notify(*(result(str(n)) for n in range(3)))
    numbers = [notice.number for notice in await store.outbox.unpublished(0, 10)]
    await store.outbox.published(numbers[1:])
    clock.seconds += 31 * DAY
    assert (await store.compact(max_age=FOREVER, max_bytes=ANY_SIZE)).notices == 2
    assert [notice.body for notice in await store.outbox.unpublished(0, 10)] == ["0"]
    await store.outbox.notify(result("new"))
    assert (await store.outbox.unpublished(numbers[0], 10))[0].number > numbers[-1]


async def test_messages_that_arrive_during_a_compaction_are_kept_and_do_not_wait_for_its_end(
    store: SessionStore, clock: SetClock
) -> None:
    await store.journal.append([record(str(n)) for n in range(3000)])
    clock.seconds += DAY
    compaction = asyncio.create_task(store.compact(max_age=1, max_bytes=ANY_SIZE), name="compaction")
    await asyncio.sleep(0)
    assert await store.journal.append([record("new")]) == [3001]
    assert not compaction.done()
    assert (await compaction).items == 3000
    assert await seqs(store) == [3001]


async def test_space_is_returned_to_the_file_system(opener: Opener, path: Path, clock: SetClock) -> None:
    async with opener() as store:
        await asyncio.gather(*(store.journal.append_event("x" * 4000) for _ in range(1000)))
    full = path.stat().st_size  # noqa: ASYNC240
    clock.seconds += DAY
    async with opener() as store:
        await store.compact(max_age=1, max_bytes=ANY_SIZE)
    assert path.stat().st_size < full / 10  # noqa: ASYNC240
