"""The rows in memory are the rows on disk: after each step, another id, an erasure by another process, a compaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.contract.kinds import Text
from bridge.contract.lifecycle import SendState
from bridge.ports import OutboxRow
from bridge.store import SessionStore
from bridge.store.database import POLL
from bridge.store.recent_rows import LIMIT, RecentRows
from tests.store.conftest import Opener, SetClock
from tests.store.samples import DAY, PN, claim, result, step


async def test_what_is_in_memory_is_what_a_new_process_reads(opener: Opener) -> None:
    async with opener() as store:
        number = (await store.outbox.claim(claim(), result())).row.number
        await store.outbox.change(number, step(SendState.SENDING, message_id=f"true_{PN}_3EB0A"))
        await store.outbox.replace_content(number, Text("otro"))
        await store.outbox.give_id(number, f"true_{PN}_3EB0B")
        await store.outbox.change(number, step(SendState.SENT))
        row = await store.outbox.get("order-1")
        by_message = [await store.outbox.of_message(raw_id) for raw_id in ("3EB0A", "3EB0B")]
        sent = [await store.outbox.has_sent(raw_id) for raw_id in ("3EB0A", "3EB0B")]
    async with opener() as again:
        assert await again.outbox.get("order-1") == row
        assert [await again.outbox.of_message(raw_id) for raw_id in ("3EB0A", "3EB0B")] == by_message == [None, row]
        assert [await again.outbox.has_sent(raw_id) for raw_id in ("3EB0A", "3EB0B")] == sent == [False, True]


async def test_a_row_that_another_process_erases_is_read_again(store: SessionStore, path: Path) -> None:
    await store.outbox.claim(claim(text="el secreto"), result())
    await asyncio.sleep(2 * POLL)  # the first look at the file's version has nothing to compare with
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE commands SET content = ''")
    await asyncio.sleep(2 * POLL)
    assert (row := await store.outbox.get("order-1")) is not None
    assert row.claim.content != Text("el secreto")


async def test_a_row_that_is_deleted_by_age_is_gone(store: SessionStore, clock: SetClock) -> None:
    number = (await store.outbox.claim(claim(at=clock()), result())).row.number
    await store.outbox.change(number, step(SendState.FAILED, at=clock()))
    clock.seconds += 40 * DAY
    await store.compact(max_age=DAY, max_bytes=10**9)
    assert await store.outbox.get("order-1") is None


Puts = Sequence[tuple[int, int | None]]


@given(puts=st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 5))))
@settings(max_examples=100)
def test_a_message_leads_to_the_row_that_had_it_last(puts: Puts) -> None:
    recent, rows, messages = RecentRows(), dict[str, OutboxRow](), dict[str, str]()
    for number, message in puts:
        row = OutboxRow(number, claim(f"c{number}"), SendState.SENDING)
        recent.put(row, None if message is None else f"true_{PN}_M{message}")
        rows[row.claim.id] = row
        if message is not None:
            messages = {raw_id: owner for raw_id, owner in messages.items() if owner != row.claim.id}
            messages[f"M{message}"] = row.claim.id
    for message in range(6):
        found = recent.of_message(f"M{message}")
        assert found is None or found is rows[messages[f"M{message}"]]
    assert all(recent.of_id(command_id) is row for command_id, row in rows.items())


def test_memory_is_bounded() -> None:
    recent = RecentRows()
    for number in range(LIMIT + 10):
        recent.put(OutboxRow(number, claim(f"c{number}"), SendState.SENDING), f"true_{PN}_M{number}")
    assert recent.of_id("c9") is recent.of_message("M9") is None
    assert recent.of_id("c10") is recent.of_message("M10") is not None


@pytest.mark.parametrize("state", [SendState.SENDING, SendState.SENT])
async def test_an_act_does_not_take_the_id_of_the_message_that_it_acts_on(
    store: SessionStore, state: SendState
) -> None:
    first = (await store.outbox.claim(claim("text"), result())).row.number
    await store.outbox.change(first, step(SendState.SENDING, message_id=f"true_{PN}_3EB0A"))
    second = (await store.outbox.claim(claim("edit"), result())).row.number
    acting = step(SendState.SENDING, message_id=f"true_{PN}_3EB0A")
    await store.outbox.change(second, type(acting)(acting.state, acting.at, message_id=acting.message_id, acts_on=True))
    assert (found := await store.outbox.of_message("3EB0A")) is not None
    assert found.claim.id == "text"
