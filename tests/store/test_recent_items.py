"""Items read from memory equal those on disk, and memory stays bounded."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.contract.messages import Stream
from bridge.store import SessionStore, open_store, recent_items
from bridge.store.recent_items import RecentItems
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
    async with open_store(path, now=clock, recent_items=kept) as store:
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
    newest = RecentItems()
    for seq in range(1, 3 * recent_items.ITEMS):
        newest.add(seq, "x")
    assert newest.after(2 * recent_items.ITEMS - 2, 1) is None
    assert newest.after(2 * recent_items.ITEMS - 1, 1) == ((2 * recent_items.ITEMS, "x"),)
    newest.add(3 * recent_items.ITEMS, "x" * recent_items.SIZE)
    assert newest.after(3 * recent_items.ITEMS - 2, 9) is None
    assert newest.after(3 * recent_items.ITEMS, 9) == newest.after(2**63 - 1, 9) == ()


def test_recent_items_start_again_where_one_is_missing() -> None:
    newest = RecentItems()
    newest.add(1, "a")
    newest.add(3, "c")
    assert newest.after(0, 9) is None
    assert newest.after(2, 9) == ((3, "c"),)
