"""Numbered steps: an older store is migrated, a newer one refused, a failed step rolled back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bridge.ports import StoreUnusable
from bridge.store import StoreDamaged, open_store, schema
from bridge.store.database import SqliteDatabase
from tests.store.conftest import SetClock
from tests.store.samples import record

NEXT_STEP = "ALTER TABLE journal ADD COLUMN note TEXT; UPDATE journal SET note = 'moved';"


async def test_an_older_store_is_migrated_with_its_data(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        epoch = store.epoch
        await store.journal.append([record("A")])
    async with SqliteDatabase(path, clock(), [*schema.migrations(), NEXT_STEP]) as database:
        assert await database.read(schema.version) == len(schema.migrations()) + 1
        found = await database.read(lambda connection: connection.execute("SELECT seq, note FROM journal").fetchall())
        assert found == [(1, "moved")]
        assert await database.read(lambda c: c.execute("SELECT epoch FROM store").fetchone()) == (epoch,)


async def test_a_newer_store_is_refused_and_is_not_called_damaged(path: Path, clock: SetClock) -> None:
    async with SqliteDatabase(path, clock(), [*schema.migrations(), NEXT_STEP]):
        pass
    with pytest.raises(StoreUnusable, match=r"store\.db cannot be used.*newer bridge.*Update") as raised:
        async with open_store(path, now=clock):
            pass
    assert not isinstance(raised.value, StoreDamaged)
    async with SqliteDatabase(path, clock(), [*schema.migrations(), NEXT_STEP]):
        pass  # untouched


@pytest.mark.parametrize(
    "broken", ["DROP TABLE journal; DROP TABLE no_table_of_the_bridge;", "DELETE FROM facts; nonsense;"]
)
async def test_a_failed_step_leaves_the_store_unchanged(path: Path, clock: SetClock, broken: str) -> None:
    async with open_store(path, now=clock) as store:
        await store.journal.append([record("A")])
        await store.memory.set("desired", "running")
    with pytest.raises(StoreUnusable, match="It is unchanged") as raised:
        async with SqliteDatabase(path, clock(), [*schema.migrations(), broken]):
            pass
    assert not isinstance(raised.value, StoreDamaged)
    async with open_store(path, now=clock) as store:
        assert await store.memory.get("desired") == "running"
        assert await store.journal.append([record("A"), record("B")]) == [None, 2]


def test_steps_are_numbered_one_after_the_other() -> None:
    folder = Path(schema.__file__).parent / "migrations"
    numbers = sorted(int(step.name.split("_")[0]) for step in folder.glob("*.sql"))
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(schema.migrations()) == len(numbers)


def test_the_steps_build_the_whole_schema_in_an_empty_database() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection, schema.migrations())
    assert schema.version(connection) == len(schema.migrations())
    assert schema.is_ours(connection)
    connection.close()
