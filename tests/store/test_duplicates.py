"""Which messages are one: the rule as a table, through the journal, and as properties."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.contract.messages import Stream
from bridge.ports import Acquaintance, JournalRecord
from bridge.store import SessionStore, open_store
from tests.store.samples import GROUP, LID, OTHER_PN, PN, record

OTHER_LID = "999999999999999@lid"
OTHER_GROUP = "120363000000000002@g.us"
FIRST = record("A", PN)
IN_GROUP = record("A", GROUP, author=PN)

ONE_MESSAGE = {
    "the same again": (FIRST, FIRST),
    "the same, edited meanwhile": (FIRST, record("A", PN, content="hola!")),
    "the other address of the chat, no alias known": (FIRST, record("A", LID)),
    "the phone number after the LID": (record("A", LID), FIRST),
    "the other address of a group's author": (IN_GROUP, record("A", GROUP, author=LID)),
    "our own under the other address": (record("A", PN, from_me=True), record("A", LID, from_me=True)),
}
TWO_MESSAGES = {
    "another id": (FIRST, record("B", PN)),
    "the other direction": (FIRST, record("A", PN, from_me=True)),
    "an unrelated chat, other content": (FIRST, record("A", OTHER_PN, content="chau")),
    "an unrelated chat, even with equal content": (FIRST, record("A", OTHER_PN)),
    "two groups with equal content": (IN_GROUP, record("A", OTHER_GROUP, author=PN)),
    "two authors in a group": (IN_GROUP, record("A", GROUP, author=OTHER_PN)),
    "a group and a chat of two": (IN_GROUP, FIRST),
    "a unknown LID, other content": (FIRST, record("A", LID, content="chau")),
    "a unknown LID, other time": (FIRST, record("A", LID, timestamp=1)),
    "an author's unknown LID, other content": (IN_GROUP, record("A", GROUP, author=LID, content="chau")),
}


@pytest.mark.parametrize("pair", ONE_MESSAGE.values(), ids=ONE_MESSAGE)
async def test_one_message(store: SessionStore, pair: Sequence[JournalRecord]) -> None:
    assert await store.journal.append(pair) == [1, None]


@pytest.mark.parametrize("pair", TWO_MESSAGES.values(), ids=TWO_MESSAGES)
async def test_two_messages(store: SessionStore, pair: Sequence[JournalRecord]) -> None:
    assert await store.journal.append(pair) == [1, 2]


@pytest.mark.parametrize("pair", [(PN, LID), (LID, PN)])
async def test_an_alias_makes_one_of_two_addresses_whatever_the_content(
    store: SessionStore, pair: tuple[str, str]
) -> None:
    await store.people.keep(Acquaintance(pairs=[(LID, PN)]))
    assert await store.journal.append([record("A", pair[0], content="1"), record("A", pair[1], content="2")]) == [
        1,
        None,
    ]


async def test_an_alias_makes_one_of_two_authors(store: SessionStore) -> None:
    await store.people.keep(Acquaintance(pairs=[(LID, PN)]))
    edited = record("A", GROUP, author=LID, content="edited")
    assert await store.journal.append([IN_GROUP, edited]) == [1, None]


@pytest.mark.parametrize("alias", [(OTHER_LID, PN), (LID, OTHER_PN)])
async def test_a_known_other_person_is_never_guessed_to_be_the_same(
    store: SessionStore, alias: tuple[str, str]
) -> None:
    await store.people.keep(Acquaintance(pairs=[alias]))
    assert await store.journal.append([FIRST, record("A", LID)]) == [1, 2]


async def test_a_form_recognised_once_is_recognised_after_an_edit(store: SessionStore) -> None:
    assert await store.journal.append([FIRST, record("A", LID), record("A", LID, content="edited")]) == [1, None, None]


async def test_an_address_that_cannot_be_parsed_is_journalled_all_the_same(store: SessionStore) -> None:
    assert await store.journal.append([record("A", "??"), record("A", PN), record("A", "??")]) == [1, 2, None]


PEOPLE = {PN: 1, LID: 1, OTHER_PN: 2, OTHER_LID: 2}
arrivals = st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(sorted(PEOPLE)), st.booleans()), max_size=25)


@settings(max_examples=30, deadline=None)
@given(arrivals)
async def test_with_every_alias_known_each_person_message_is_journalled_exactly_once(
    arrived: list[tuple[str, str, bool]],
) -> None:
    with TemporaryDirectory() as folder:
        async with open_store(Path(folder) / "store.db", now=lambda: 0.0) as store:
            await store.people.keep(Acquaintance(pairs=[(LID, PN)]))
            await store.people.keep(Acquaintance(pairs=[(OTHER_LID, OTHER_PN)]))
            seqs = [
                (await store.journal.append([record(raw_id, chat, content=str(edited))]))[0]
                for raw_id, chat, edited in arrived
            ]
            messages = [(raw_id, PEOPLE[chat]) for raw_id, chat, _ in arrived]
            first_seen = [message not in messages[:index] for index, message in enumerate(messages)]
            assert [seq is not None for seq in seqs] == first_seen
            assert [seq for seq in seqs if seq is not None] == list(range(1, len(set(messages)) + 1))
            assert store.journal.bounds(Stream.IN).last == len(set(messages))
