"""One person under number and LID: one id, one lane, one budget, in whatever order the addresses become known."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.commands import SendCommand
from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid
from bridge.contract.messages import Stream
from bridge.contract.pace import Pace
from bridge.contract.session import SessionState
from bridge.contract.waiting import WaitReason
from bridge.core.people import People
from bridge.ports import Acquaintance, IncomingEvent, PeopleStore, PersonAddress
from bridge.store import SessionStore, open_store
from bridge.store.database import SqliteDatabase
from bridge.store.schema import migrations
from tests.core.commands import command
from tests.core.conftest import FREE, SessionHarness

PN, LID = Jid.parse("5491155500001@c.us"), Jid.parse("188000000000001@lid")
OTHER_PN, OTHER_LID = Jid.parse("5491155500002@c.us"), Jid.parse("188000000000002@lid")
BY_NUMBER, BY_LID, BY_BOTH = frozenset({PN}), frozenset({LID}), frozenset({PN, LID})


def people_of(store: SessionStore, **options: Any) -> People:
    return People("haby", store.people, store.memory, lambda: 1000.0, **options)


async def events(store: SessionStore) -> list[dict[str, Any]]:
    page = await store.journal.read(Stream.EVENT, 0, 1000)
    return [json.loads(body) for _, body in page.items]


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    async with open_store(tmp_path / "haby" / "store.db", now=lambda: 1000.0) as store:
        yield store


@pytest.mark.parametrize(
    "order", [order for size in (1, 2, 3) for order in itertools.permutations((BY_NUMBER, BY_LID, BY_BOTH), size)]
)
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
async def test_number_and_lid_are_one_person_in_every_order(
    store: SessionStore, order: tuple[frozenset[Jid], ...], together: bool
) -> None:
    people, ids = people_of(store, new_id=map(str, itertools.count(1)).__next__), []
    for seen in [order] if together else [[one] for one in order]:
        found = await people.identify(list(seen))
        ids += [one.id for one in found if one]
    known = await people_of(store).identify([BY_NUMBER, BY_LID])  # as after a restart
    reported = await events(store)
    if BY_BOTH in order:
        assert known == [known[0]] * 2
        assert known[0] is not None
        assert known[0].id == ids[0], "the older id stays"
        [alias] = reported
        assert (alias["kind"], alias["person"]) == ("alias", known[0].id)
        assert (alias["from_pn"], alias["from_lid"]) == (str(PN), str(LID))
        before = order[: order.index(BY_BOTH)]
        assert alias.get("merged") == ("2" if len(before) == 2 and not together else None)
    else:
        assert reported == []
        assert len({one.id for one in known if one}) == 2


async def test_every_spelling_of_a_number_is_one_person(store: SessionStore) -> None:
    spellings = [frozenset({Jid.parse(f"{one}@c.us")}) for one in ("5491155500001", "541155500001", "54111555500001")]
    found = await people_of(store).identify(spellings)
    assert len({one.id for one in found if one}) == 1


async def test_a_number_that_passes_to_another_account_does_not_make_two_people_one(store: SessionStore) -> None:
    people = people_of(store)
    [first, second] = [one for one in await people.identify([BY_BOTH, frozenset({OTHER_LID})]) if one]
    [now] = await people.identify([frozenset({PN, OTHER_LID})])
    assert now is not None
    assert now.id == second.id
    [still] = await people.identify([BY_LID])
    assert still is not None
    assert (still.id, still.pn) == (first.id, None)
    assert [event.get("merged") for event in await events(store)] == [None, None]


async def test_a_person_who_changes_the_number_stays_the_same(store: SessionStore) -> None:
    people = people_of(store)
    [before] = await people.identify([BY_BOTH])
    [after] = await people.identify([frozenset({OTHER_PN, LID})])
    [by_lid] = await people.identify([BY_LID])
    assert before is not None
    assert after is not None
    assert by_lid is not None
    assert before.id == after.id
    assert by_lid.pn == str(OTHER_PN), "the newest number"


class DyingStore(PeopleStore):
    """Fails at a write, before or after it is committed: the process is gone either way."""

    def __init__(self, store: PeopleStore, *, committed: bool) -> None:
        self._store, self._committed = store, committed

    async def addresses_of(self, keys: Any) -> Sequence[PersonAddress]:
        return await self._store.addresses_of(keys)

    async def lids(self) -> dict[str, str]:
        return await self._store.lids()

    async def last_written(self, since: float) -> dict[str, int]:
        return await self._store.last_written(since)

    async def keep(self, learned: Acquaintance) -> None:
        if self._committed:
            await self._store.keep(learned)
        raise KeyboardInterrupt


@pytest.mark.parametrize("committed", [False, True])
async def test_a_merge_is_journalled_with_what_it_changes(store: SessionStore, committed: bool) -> None:
    [first, second] = [one for one in await people_of(store).identify([BY_NUMBER, BY_LID]) if one]
    dying = People("haby", DyingStore(store.people, committed=committed), store.memory, lambda: 1000.0)
    with pytest.raises(KeyboardInterrupt):
        await dying.identify([BY_BOTH])
    found = await people_of(store).identify([BY_BOTH, BY_NUMBER, BY_LID])
    assert {one.id for one in found if one} == {first.id}
    assert [event["merged"] for event in await events(store)] == [second.id], "once, whenever the process ended"


async def test_pairs_of_an_earlier_version_are_one_person_each(tmp_path: Path) -> None:
    path = tmp_path / "haby" / "store.db"
    rows = [(str(LID), "541155500001@c.us", 1.0), (str(OTHER_LID), str(OTHER_PN), 2.0)]
    async with SqliteDatabase(path, 1000.0, migrations()[:6]) as database:
        await database.write(lambda made: made.executemany("INSERT INTO aliases VALUES (?, ?, ?)", rows))
    async with open_store(path, now=lambda: 1000.0) as store:
        found = await people_of(store).identify([BY_NUMBER, BY_LID, frozenset({OTHER_PN}), frozenset({OTHER_LID})])
        ids = [one.id for one in found if one]
        assert ids[0] == ids[1] != ids[2] == ids[3]
        assert await events(store) == []


async def test_every_item_and_event_carries_the_person_and_the_known_addresses(harness: SessionHarness) -> None:
    await harness.start()
    phone = harness.phone
    phone.incoming(str(PN), "uno")
    phone.incoming(str(LID), "dos")
    first, second = await harness.stream(Stream.IN, 2)
    assert first["person"] != second["person"]
    assert second["from_pn"] is None
    phone.incoming(str(LID), "tres", from_pn=PN, from_lid=LID)
    await harness.stream(Stream.IN, 3)
    phone.incoming(str(PN), "cuatro")
    phone.incoming(str(LID), "cinco")
    phone.own(str(LID), "desde el teléfono")
    phone.event(IncomingEvent("own_message", "x", phone.now(), PN))
    *_, fourth, fifth = await harness.stream(Stream.IN, 5)
    alias, own, other = await harness.stream(Stream.EVENT, 3)
    assert (alias["kind"], alias["person"], alias["merged"]) == ("alias", first["person"], second["person"])
    for item in (fourth, fifth, own, own["message"], other):
        assert (item["person"], item["from_pn"], item["from_lid"]) == (first["person"], str(PN), str(LID))


async def test_in_a_group_the_person_is_the_author(harness: SessionHarness) -> None:
    await harness.start()
    group = "120363000000000001@g.us"
    harness.phone.incoming(str(LID), "uno", from_pn=PN, from_lid=LID)
    harness.phone.incoming(group, "dos", author=str(LID))
    harness.phone.own(group, "tres", from_lid=LID)
    one, two = await harness.stream(Stream.IN, 2)
    [own] = [event for event in await harness.stream(Stream.EVENT, 2) if event["kind"] == "own_message"]
    assert (two["person"], two["from_pn"]) == (one["person"], str(PN))
    assert "person" not in own


SPELLINGS = ["5491155500001", "541155500001", "+54 11 15 5550-0001", "5491155500001@s.whatsapp.net"]


async def test_one_person_in_several_spellings_keeps_the_order(harness: SessionHarness) -> None:
    harness.phone.acks = ()
    await harness.start()
    for number, spelling in enumerate(SPELLINGS):
        await harness.submit(command(f"texto {number}", to=spelling))
    await harness.until(lambda: len(harness.phone.sent) == 1)
    await asyncio.sleep(0.1)
    assert [sent.text for sent in harness.phone.sent] == ["texto 0"], "the next waits for the server's ack"


async def test_a_send_that_reaches_a_lid_makes_number_and_lid_one(harness: SessionHarness) -> None:
    harness.phone.acks = ()
    harness.phone.lids = {PN: LID}
    harness.phone.chats.add(LID)
    await harness.start()
    await harness.submit(command("texto 0", to=str(PN)))
    await harness.until(lambda: len(harness.phone.sent) == 1)
    for number, to in enumerate((LID, PN, LID), 1):
        await harness.submit(command(f"texto {number}", to=str(to)))
    await asyncio.sleep(0.1)
    assert [sent.text for sent in harness.phone.sent] == ["texto 0"]
    [alias] = [event for event in await harness.stream(Stream.EVENT, 1) if event["kind"] == "alias"]
    assert (alias["kind"], alias["from_pn"], alias["from_lid"]) == ("alias", str(PN), str(LID))
    harness.phone.incoming(str(LID), "hola")
    [item] = await harness.stream(Stream.IN, 1)
    assert item["from_pn"] == str(PN)


@pytest.mark.parametrize("known", ["before", "meanwhile", "after a restart"])
async def test_number_and_lid_share_one_budget(harness: SessionHarness, known: str) -> None:
    harness.pacing = replace(FREE, chat=Pace.parse("3/minute", burst=2))
    await harness.start()
    harness.phone.chats.add(LID)

    async def learn() -> None:
        harness.phone.incoming(str(LID), "hola", from_pn=PN, from_lid=LID)
        await harness.stream(Stream.IN, 1)

    if known != "meanwhile":
        await learn()
    if known == "after a restart":
        await harness.again()
    sent = harness.phone.sent
    for number, to in enumerate([*SPELLINGS, str(LID)] * 2):
        await harness.submit(command(f"texto {number}", to=to))
    await asyncio.sleep(0.2)
    most = 4 if known == "meanwhile" else 2  # until then they are two
    assert len(sent) == most
    if known == "meanwhile":
        await learn()
    harness.advance(20)
    await harness.until(lambda: len(sent) == most + 1)
    await asyncio.sleep(0.1)
    assert len(sent) == most + 1, "one token each 20 seconds"


async def test_a_number_as_it_is_dialled_at_home_is_sent_in_the_accounts_country(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    with pytest.raises(InvalidRequest, match="country code"):
        await harness.submit(command(to="011 15 5550-0001"))
    await harness.reach(SessionState.CONNECTED)
    assert (await harness.submit(command(to="011 15 5550-0001"))).to == str(PN)
    await harness.again(connected=False)
    assert (await harness.submit(command(to="011 5550-0001"))).to == str(PN)


async def test_the_phone_of_a_contact_card_is_read_like_a_recipient(harness: SessionHarness) -> None:
    await harness.start(connected=False)

    def cards(phone: str, **fields: Any) -> SendCommand:
        contacts = [{"name": "Beto", "phone": phone}, {"vcard": "BEGIN:VCARD\nFN:Ana\nEND:VCARD"}]
        return SendCommand.model_validate({"to": str(PN), "contacts": contacts, **fields})

    with pytest.raises(InvalidRequest, match="country code"):
        await harness.submit(cards("011 15 5550-0002"))
    await harness.reach(SessionState.CONNECTED)
    first = await harness.submit(cards("011 15 5550-0002", id="card"))
    row = await harness.store.outbox.get(first.id)
    assert row is not None
    assert row.claim.content.value[0] == {"name": "Beto", "phone": "5491155500002"}
    again = await harness.submit(cards("+54 9 11 5550-0002", id="card"))
    assert (again.id, again.error) == (first.id, None), "another spelling is the same command"


async def test_what_a_command_waits_for_is_that_of_the_person(harness: SessionHarness) -> None:
    harness.pacing = replace(FREE, chat=Pace.parse("3/minute", burst=1))
    await harness.start()
    harness.phone.incoming(str(LID), "hola", from_pn=PN, from_lid=LID)
    await harness.stream(Stream.IN, 1)
    await harness.submit(command("uno", to=str(LID)))
    await harness.until(lambda: len(harness.phone.sent) == 1)
    second = await harness.submit(command("dos", to="+54 11 15 5550-0001"))
    assert second.waits is not None
    assert second.waits.reason is WaitReason.CHAT_PACE
    row = await harness.store.outbox.get(second.id)
    assert row is not None
    assert harness.outbound.waiting([row])[row.number].reason is WaitReason.CHAT_PACE
