"""`wa forget` in the stores: erased on disk and in memory, with no gap in `seq`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.contract.errors import InvalidRequest
from bridge.contract.events import ERASED_EVENT, OWN_MESSAGE, Event, EventBody
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import ERASED, Inbound, MessageBody, Quoted, Stream, in_stream
from bridge.contract.payload import instant
from bridge.ports import (
    Acquaintance,
    AgentGrant,
    ApiKey,
    CheckedNumber,
    DeadLetter,
    JournalRecord,
    NewNotice,
    PersonAddress,
    Proposal,
    ProposalState,
    RequestClaim,
    Right,
    Webhook,
    WebhookFilter,
)
from bridge.store import BridgeStore, SessionStore
from bridge.store.database import POLL
from bridge.store.erasure import erase_bridge, erase_session, known_addresses, wipe
from bridge.store.redaction import ErasedPerson
from tests.store.conftest import Opener, SetClock
from tests.store.samples import GROUP, LID, OTHER_PN, PN, claim, result, step

SECRET = "el secreto de Marta"
#: The number as a person would type it.
TYPED = "+54 11 5550-0001"


def body(chat: str, author: str, text: str, **more: object) -> MessageBody:
    return MessageBody.model_validate(
        {
            "id": f"false_{chat}_3EB0",
            "from": chat,
            "chat": chat,
            "author": author,
            "body": text,
            "type": "chat",
            "timestamp": 1_700_000_000,
            "cliente_id": 51,
            "late": False,
            **more,
        }
    )


def record(raw_id: str, message: MessageBody) -> JournalRecord:
    return JournalRecord(
        chat=message.chat,
        raw_id=raw_id,
        author=message.author if message.chat == GROUP else None,
        timestamp=message.timestamp,
        type="chat",
        content_hash=hashlib.sha256(message.body.encode()).hexdigest(),
        body=message.to_json(),
    )


async def fill(store: SessionStore) -> None:
    """Stored data of Marta, known by number and LID, and of Juan."""
    quoted = Quoted(id=f"false_{PN}_Q", author=PN, body=SECRET)
    messages = [
        body(PN, PN, SECRET, from_pn=PN, notify_name=SECRET),
        body(OTHER_PN, OTHER_PN, "de Juan"),
        body(LID, LID, SECRET, from_lid=LID),
        body(GROUP, LID, SECRET, from_lid=LID, from_pn="5491155500001:7@s.whatsapp.net"),
        body(GROUP, OTHER_PN, "@5491155500001 hola", mentions=[PN, GROUP], quoted=quoted),
        body("54911555000012@c.us", "54911555000012@c.us", "another number that begins alike"),
    ]
    people = [PersonAddress(0, address, address, "p1") for address in (LID, PN)]
    await store.people.keep(Acquaintance([*people, PersonAddress(0, OTHER_PN, OTHER_PN, "p2")], pairs=[(LID, PN)]))
    await store.journal.append([record(f"RAW{n}", message) for n, message in enumerate(messages)])
    own = EventBody(kind=OWN_MESSAGE, at=instant(1.7e9), chat=PN, message=body(PN, PN, SECRET))
    await store.journal.append_event(own.to_json())
    for number, (command_id, state) in enumerate([("done", SendState.SENT), ("waits", SendState.ACCEPTED)], 1):
        await store.outbox.claim(claim(command_id, SECRET), result(json.dumps({"id": command_id, "to": PN})))
        if state is SendState.SENT:
            sending = step(SendState.SENDING, message_id=f"true_{PN}_3EB0FF")
            await store.outbox.change(number, sending)
            await store.outbox.change(number, step(state, NewNotice("ack", json.dumps({"message_id": f"true_{PN}_1"}))))
    await store.memory.set_entries("chat_marks", dict.fromkeys((PN, OTHER_PN), '{"unread":1}'))
    await store.numbers.keep([CheckedNumber(PN, LID), CheckedNumber(OTHER_PN, OTHER_PN)])
    for request_id, chat, text in (("r1", PN, SECRET), ("r2", OTHER_PN, "de Juan"), ("r3", PN, SECRET)):
        arguments = json.dumps({"chat": chat, "text": text})
        asked = RequestClaim(request_id, "chats.read", arguments, content_hash=text, claimed_at=1.7e9, transaction=chat)
        row = (await store.requests.claim(asked)).row
        if request_id != "r3":
            response = json.dumps({"id": request_id, "data": {"chat": chat, "text": text}, "status": "done"})
            await store.requests.answer(row.number, NewNotice("response", response), 1.7e9)
    notices = await store.outbox.unpublished(0, 10)
    await store.outbox.published([notices[0].number])


def forget(path: Path, *, marks: bool = False) -> dict[str, int]:
    person = known_addresses(path, ErasedPerson.of(TYPED))
    done = erase_session(path, person, marks=marks)
    assert wipe(path, "migrations", beside_a_bridge=True)
    return done


async def items(store: SessionStore, stream: Stream) -> list[dict[str, object]]:
    page = await store.journal.read(stream, 0, 100)
    model = Inbound if stream is Stream.IN else Event
    return [
        model.model_validate_json(in_stream(stream, "haby", "e", seq, text)).model_dump(mode="json", by_alias=True)
        for seq, text in page.items
    ]


async def test_content_is_erased_and_seq_stays_beside_a_running_bridge(opener: Opener, path: Path) -> None:
    async with opener() as store:
        await fill(store)
        before = store.journal.bounds(Stream.IN), store.journal.bounds(Stream.EVENT)
        assert (await items(store, Stream.IN))[0]["body"] == SECRET  # from memory from now on
        assert len(await store.people.addresses_of([PN])) == 2  # these too
        seen = asyncio.Event()
        store.database.watch(seen.set)
        done = await asyncio.to_thread(forget, path)
        await asyncio.wait_for(seen.wait(), 5 * POLL)
        assert {name: count for name, count in done.items() if count} == {
            "messages": 4,
            "events": 1,
            "commands": 1,
            "requests": 1,
            "still open": 2,
            "results and acks": 4,
            "keys": 3,
            "addresses": 2,
            "checked numbers": 1,
            "marks of chats": 1,
        }
        assert not await store.people.addresses_of([PN])
        assert list(await store.memory.entries("chat_marks")) == [OTHER_PN]
        assert (store.journal.bounds(Stream.IN), store.journal.bounds(Stream.EVENT)) == before
        left = await items(store, Stream.IN)
        assert [(item["seq"], item["type"]) for item in left] == [
            (1, ERASED),
            (2, "chat"),
            (3, ERASED),
            (4, ERASED),
            (5, "chat"),
            (6, "chat"),
        ]
        assert (left[4]["body"], left[4]["mentions"], left[4]["quoted"]) == ("@… hola", [GROUP], None)
        assert left[1]["body"] == "de Juan"
        [event] = await items(store, Stream.EVENT)
        assert (event["kind"], event["event_seq"], event["message"]) == (ERASED_EVENT, 1, None)
        # the phone's copy of an erased message arrives again: it is known
        again = body(PN, PN, SECRET, from_pn=PN)
        assert await store.journal.append([record("RAW0", again)]) == [None]
        # a repeated id is a conflict, never a second send; a late ack finds its row
        assert (await store.outbox.claim(claim("done", SECRET), result())).conflict
        row = await store.outbox.of_message("3EB0FF")
        assert row is not None
        assert (row.claim.content.summary, row.claim.to, row.claim.meta) == ("", "erased@c.us", None)
        assert (await store.outbox.change(row.number, step(SendState.READ))).state is SendState.READ
        repeated = await store.requests.claim(RequestClaim("r1", "chats.read", "", SECRET, 1.7e9))
        assert (repeated.conflict, repeated.row.claim.arguments, repeated.row.claim.transaction) == (True, "", None)
        answer = {"id": "r1", "data": None, "status": "done"}
        assert json.loads(repeated.row.response or "") == answer
        assert (await store.requests.claim(RequestClaim("r2", "chats.read", "", "de Juan", 1.7e9))).conflict is False
        [waits, erased, _] = [json.loads(notice.body) for notice in await store.outbox.unpublished(0, 10)]
        assert (waits, erased) == ({"id": "waits", "to": None}, answer)
        await store.outbox.change(2, step(SendState.FAILED))  # now they can be erased, too
        await store.requests.answer(3, NewNotice("response", json.dumps({"id": "r3", "data": [PN, SECRET]})), 1.7e9)
        last = await asyncio.to_thread(forget, path)
        assert (last["commands"], last["requests"]) == (1, 1)
    assert_gone(path)


async def test_a_stopped_store_keeps_no_copy_of_a_message_in_any_page(opener: Opener, path: Path) -> None:
    async with opener() as store:
        await fill(store)
        await store.outbox.change(2, step(SendState.FAILED))
        await store.requests.answer(3, NewNotice("response", json.dumps({"id": "r3", "data": {"chat": PN}})), 1.7e9)
    forget(path, marks=True)
    assert_gone(path)
    raw = await asyncio.to_thread(path.read_bytes)
    assert not re.search(rb"5491155500001(?!2)", raw)
    assert LID.encode() not in raw
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT key FROM people").fetchall() == [(OTHER_PN,)]
    async with opener() as store:
        pages = [await store.journal.read(stream, 0, 99) for stream in Stream]
        held = sum(len(text.encode()) for page in pages for _, text in page.items)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT sum(bytes) FROM streams").fetchone() == (held,)
        assert await store.journal.append([record("NEW", body(OTHER_PN, OTHER_PN, "after"))]) == [7]


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def assert_gone(path: Path) -> None:
    for file in path.parent.iterdir():
        assert SECRET.encode() not in file.read_bytes(), f"{file.name} still holds it"


async def test_an_unpublished_result_keeps_its_id(opener: Opener, path: Path) -> None:
    async with opener() as store:
        body = json.dumps({"id": "order-5491155500001", "to": PN, "status": "failed"})
        await store.outbox.claim(claim("order-5491155500001", SECRET), result(body))
        seen = asyncio.Event()
        store.database.watch(seen.set)
        await asyncio.to_thread(forget, path)
        await asyncio.wait_for(seen.wait(), 5 * POLL)
        [left] = await store.outbox.unpublished(0, 10)
        assert json.loads(left.body) == {"id": "order-5491155500001", "to": None, "status": "failed"}


async def test_a_dry_run_counts_and_changes_nothing(opener: Opener, path: Path) -> None:
    async with opener() as store:
        await fill(store)
    before = dump(path)
    assert (
        erase_session(path, ErasedPerson.of(TYPED), marks=True, dry_run=True)["messages"] == 3
    )  # the LID was not given
    assert dump(path) == before


async def test_what_the_bridge_keeps_of_a_person_for_all_sessions(tmp_path: Path, clock: SetClock) -> None:
    path = tmp_path / "bridge.db"
    async with BridgeStore(path, now=clock) as store:
        for seq, chat in enumerate([PN, OTHER_PN], 1):
            text = json.dumps({"chat": chat, "body": SECRET if chat == PN else "de Juan"})
            letter = DeadLetter("l1", "haby", "http://127.0.0.1:9", Stream.IN, "e", seq, text, 1, 400, "no", 1.0)
            await store.webhooks.put_dead_letter(letter)
        for number, chat in enumerate([PN, OTHER_PN]):
            choice = WebhookFilter(chats=frozenset({chat}))
            await store.webhooks.put(Webhook(f"l{number}", "haby", f"http://127.0.0.1:9/{number}", 1.0, choice))
        for number, chat in enumerate([PN, OTHER_PN]):
            text = SECRET if chat == PN else "de Juan"
            ids = ("haby", "k1", f"p{number}", f"agent-k1-p{number}")
            await store.proposals.propose(Proposal(*ids, chat, text, ProposalState.PROPOSED, 1.0, 2.0))
        for number, (chat, revoked_at) in enumerate([(PN, None), (PN, 2.0), (OTHER_PN, 2.0), (OTHER_PN, None)]):
            grant = AgentGrant({chat: frozenset({Right.REPLY}), GROUP: frozenset({Right.REPLY})})
            key = ApiKey(f"k{number}", "agent", str(number) * 64, frozenset(), None, 1.0, revoked_at, grant)
            await store.access.add_key(key)
        counted = erase_bridge(path, ErasedPerson.of(TYPED), dry_run=True)
        done = erase_bridge(path, ErasedPerson.of(TYPED))
        assert done == counted
        assert done == {
            "dead letters": 1,
            "audit details": 0,
            "sends of agents": 1,
            "chats of revoked keys": 1,
            "agents' keys kept": 1,
            "filters kept": 1,
        }
        grants = [list(key.agent.chats) for key in await store.access.keys() if key.agent is not None]
        assert sorted(map(sorted, grants)) == sorted([[GROUP], [GROUP, PN], *2 * [[GROUP, OTHER_PN]]])
        assert [kept.text for kept in await store.proposals.waiting("haby")] == ["de Juan"]
        assert wipe(path, "bridge_migrations", beside_a_bridge=True)
        [left] = await store.webhooks.dead_letters("haby", 0, 10)
        assert "de Juan" in left.body
    assert_gone(path)


def test_the_addresses_of_a_number() -> None:
    assert ErasedPerson.of(TYPED) == ErasedPerson.of("5491155500001") == ErasedPerson.of("541155500001@c.us")
    assert ErasedPerson.of(LID).addresses == {LID}
    for spelling in ("54111555500001@c.us", "+5491155500001.", "5490111555500001"):
        assert ErasedPerson.of(TYPED).is_named_in(spelling)
    assert not ErasedPerson.of(TYPED).is_named_in("15491155500001 54911555000012")
    with pytest.raises(InvalidRequest, match="a group"):
        ErasedPerson.of(GROUP)


async def test_what_was_typed_in_another_spelling_is_erased(opener: Opener, path: Path) -> None:
    async with opener() as store:
        await store.outbox.claim(replace(claim("typed", SECRET), to="54111555500001@c.us"), result())
        await store.outbox.change(1, step(SendState.FAILED))
        text = body(OTHER_PN, OTHER_PN, "es el 54111555500001")
        await store.journal.append([record("A", text)])
    assert forget(path)["commands"] == 1
    async with opener() as store:
        [left] = await items(store, Stream.IN)
        assert left["body"] == "es el …"


async def test_a_pair_that_only_the_people_know_is_followed(opener: Opener, path: Path) -> None:
    async with opener() as store:
        people = [PersonAddress(0, address, address, "p1") for address in (LID, PN, "541155500001@hosted")]
        await store.people.keep(Acquaintance(people))
        await store.journal.append([record("A", body(LID, LID, SECRET))])
    assert forget(path)["messages"] == 1
