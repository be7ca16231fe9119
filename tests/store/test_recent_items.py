"""Items read from memory equal those on disk, and memory stays bounded."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.contract.messages import Stream
from bridge.store import SessionStore, StoreLimits, open_store
from bridge.store.recent_items import SIZE, RecentItems
from tests.store.conftest import SetClock
from tests.store.samples import DAY, record


def on_disk(path: Path, stream: Stream, after: int, limit: int) -> tuple[tuple[int, str], ...]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT seq, body FROM journal WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?", (stream, after, limit)
        )
        return tuple(found)


@pytest.mark.parametrize("kept", [1, 3, 100])
async def test_every_page_is_the_one_on_disk(path: Path, clock: SetClock, kept: int) -> None:
    async with open_store(path, now=clock, limits=StoreLimits(recent_items=kept)) as store:
        await compare_pages(store, path, clock)


async def compare_pages(store: SessionStore, path: Path, clock: SetClock) -> None:
    for number in range(8):
        await store.journal.append([record(f"{number}a"), record(f"{number}b"), record(f"{number}a")])
        await store.journal.append_event(f"event {number} ñ", once=f"{number // 2}")
        clock.seconds += DAY
        if number == 5:
            await store.compact(max_age=3.5 * DAY, max_bytes=10**9)
        for stream in Stream:
            for after in range(19):
                for limit in (1, 2, 50):
                    page = await store.journal.read(stream, after, limit)
                    assert (page.items, page.bounds) == (
                        on_disk(path, stream, after, limit),
                        store.journal.bounds(stream),
                    )


async def test_items_changed_on_disk_are_read_again(store: SessionStore) -> None:
    await store.journal.append([record("A", content="Ana lives here")])
    await store.database.write(lambda connection: connection.execute("UPDATE journal SET body = '{}'").rowcount)
    store.journal.reread()
    assert (await store.journal.read(Stream.IN, 0, 1)).items == ((1, "{}"),)


def test_recent_items_are_bounded_by_number_and_by_size() -> None:
    most = StoreLimits().recent_items
    newest = RecentItems(most)
    for seq in range(1, 3 * most):
        newest.add(seq, "x")
    assert newest.after(2 * most - 2, 1) is None
    assert newest.after(2 * most - 1, 1) == ((2 * most, "x"),)
    newest.add(3 * most, "x" * SIZE)
    assert newest.after(3 * most - 2, 9) is None
    assert newest.after(3 * most, 9) == newest.after(2**63 - 1, 9) == ()


def test_recent_items_start_again_where_one_is_missing() -> None:
    newest = RecentItems(9)
    newest.add(1, "a")
    newest.add(3, "c")
    assert newest.after(0, 9) is None
    assert newest.after(2, 9) == ((3, "c"),)
