"""Numbered steps: an older store is migrated, a newer one refused, a failed step rolled back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
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


async def test_the_steps_run_once_for_all_new_stores_and_each_has_its_epoch(
    tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the disk each step is a commit, and all of them took three quarters of the CPU of a new store."""
    steps, ran = [*schema.migrations(), NEXT_STEP], []
    original = schema.migrate

    def counted(connection: sqlite3.Connection, steps: Sequence[str]) -> None:
        ran.append(len(steps) - schema.version(connection))
        original(connection, steps)

    monkeypatch.setattr(schema, "migrate", counted)
    epochs = set()
    for name in ("one", "another"):
        async with SqliteDatabase(tmp_path / name / "store.db", clock(), steps) as database:
            assert await database.read(schema.version) == len(steps)
            epochs |= set(await database.read(lambda c: c.execute("SELECT epoch FROM store").fetchone()))
    assert (ran, len(epochs)) == ([len(steps), 0, 0], 2)


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


def test_unknown_outcomes_of_earlier_versions_get_their_code() -> None:
    """The panel shows them in Spanish by this code; they are kept for 30 days."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection, schema.migrations()[:4])
    said = {
        "a": "The message may have left before the connection broke, and WhatsApp Web does not know it.",
        "b": "WhatsApp Web shows an error that does not tell whether the message left.",
        "c": "WhatsApp has not confirmed the message in time; it may still go out.",
        "d": "It was open when the store was restored or another bridge had the session; it may have left.",
        "e": None,
    }
    columns = [row[1] for row in connection.execute("PRAGMA table_info(commands)") if row[3] and row[4] is None]
    for command_id, text in said.items():
        values = dict.fromkeys(columns, 0) | {"id": command_id, "error_text": text, "state": "unknown"}
        marks = ", ".join("?" * len(values))
        names = ", ".join(f'"{name}"' for name in values)
        connection.execute(f"INSERT INTO commands ({names}) VALUES ({marks})", list(values.values()))
    schema.migrate(connection, schema.migrations())
    found = dict(connection.execute("SELECT id, error_detail FROM commands"))
    assert found == {
        "a": "connection_lost",
        "b": "error_shown",
        "c": "not_confirmed",
        "d": "left_open",
        "e": None,
    }
    connection.close()


@pytest.mark.parametrize(
    ("stored", "fact", "entries"),
    [
        ('{"5491155500001@c.us":{"unread":1,"pinned":true},"1-2@g.us":{"unread":0}}', "known", 2),
        ("{}", "known", 0),
        ("null", "", 0),
        ("", "", 0),
    ],
)
def test_the_marks_of_chats_of_earlier_versions_are_taken_over(stored: str, fact: str, entries: int) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection, schema.migrations()[:15])
    connection.executemany(
        "INSERT INTO facts (name, value) VALUES (?, ?)", [("desired", "running"), ("chat_marks", stored)]
    )
    schema.migrate(connection, schema.migrations())
    assert dict(connection.execute("SELECT name, value FROM facts")) == {"desired": "running", "chat_marks": fact}
    found = dict(connection.execute("SELECT key, value FROM entries WHERE name = 'chat_marks'"))
    assert len(found) == entries
    assert {key: json.loads(value) for key, value in found.items()} == (json.loads(stored or "{}") or {})
    connection.close()
