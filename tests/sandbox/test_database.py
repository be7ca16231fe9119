"""The linked device's own database: its contents over time, and paging."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from bridge.sandbox.database import DeviceDatabase
from bridge.sandbox.world import World
from tests.sandbox.test_world import ANA, GROUP, Clock, record


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    ids = itertools.count(1)
    return World(clock, lambda: f"{next(ids):018X}")


def pair(world: World) -> DeviceDatabase:
    world.linking.open_slot()
    return DeviceDatabase(world, world.linking.scan())


def bodies(records: list[dict[str, object]] | None) -> list[object]:
    return [r["body"] for r in records or []]


def test_messages_before_the_pairing_are_history_and_later_ones_are_not(world: World) -> None:
    before = world.incoming(ANA, "antes")
    database = pair(world)
    after = world.incoming(ANA, "después")
    assert database.get(after.key) is None
    assert database.catch_up() == [after]
    assert database.catch_up() == []
    history = {key: (database.get(key) or {})["isMdHistoryMsg"] for key in (before.key, after.key)}
    assert history == {before.key: True, after.key: False}


@pytest.mark.parametrize(
    ("count", "before", "found"),
    [
        (2, True, ["m1", "m2"]),
        (None, True, ["m0", "m1", "m2"]),
        (0, True, []),
        (1, False, ["m4"]),
        (9, False, ["m4", "m5"]),
    ],
)
def test_a_chat_is_paged_from_any_message(world: World, count: int | None, before: bool, found: list[str]) -> None:
    messages = [world.incoming(ANA, f"m{n}") for n in range(6)]
    world.incoming(GROUP, "elsewhere", author=ANA)
    assert bodies(pair(world).find(messages[3].key, count, before=before)) == found


def test_paging_from_a_missing_message_returns_none(world: World) -> None:
    assert pair(world).find(f"false_{ANA}_NONE", 5, before=True) is None


def test_an_own_message_is_stored_as_soon_as_it_is_written(world: World, clock: Clock) -> None:
    database = pair(world)
    world.incoming(ANA, "hola")
    database.catch_up()
    written: dict[str, Any] = {**record("3EB01", body="respuesta"), "t": 1, "isNewMsg": True}
    database.write(written)
    assert bodies(database.newest(ANA, 5)) == ["hola", "respuesta"]
    assert (database.get(written["id"]) or {})["isNewMsg"] is False
    world.transmit(database.device, written)
    database.catch_up()
    assert bodies(database.newest(ANA, 5)) == ["hola", "respuesta"]
    assert (database.get(written["id"]) or {})["ack"] == 0

    clock.now += 5
    world.advance()
    missed = database.missed_acks()
    assert [(m.id, ack) for m, ack, _ in missed] == [("3EB01", 1), ("3EB01", 3)]
    for message, ack, _ in missed:
        database.take_ack(message, ack)
    assert database.missed_acks() == []
    assert database.device.pending == {}
    assert (database.get(written["id"]) or {})["ack"] == 3
    database.write(written)
    assert database.device.pending == {}


def test_chats_are_newest_first_with_unread_counts(world: World, clock: Clock) -> None:
    database = pair(world)
    world.incoming(ANA, "uno")
    clock.now += 10
    world.incoming(GROUP, "dos", author=ANA)
    world.incoming(GROUP, "tres", author=ANA)
    database.catch_up()
    assert [(c["id"], c["unreadCount"]) for c in database.chats()][:2] == [(GROUP, 2), (ANA, 1)]
    world.mark_seen(GROUP)
    assert database.chat(world.directory.chats[GROUP])["unreadCount"] == 0


def test_unsaved_numbers_are_not_in_the_address_book(world: World) -> None:
    assert "5491155500005@c.us" not in [c["pn"] for c in pair(world).contacts()]
