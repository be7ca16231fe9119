"""One person, whatever the address or spelling: conversation, opt-out, takeover, budget and lists, on each database.

Number (PN) and LID become known as one in every order, by a message that carries both or by an `alias` event.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import func, insert, select, text

from bridge.client import Cursor
from bridge.contract.jid import Jid
from bridge.contract.messages import Stream
from bridge.sql.database import SqlDatabase
from responder.chat_state import OpeningTimes, OperatorSettings
from responder.errors import NoSuchChat, WrongSettings
from responder.http.chats import NO_END
from responder.incoming import PersonLink, ReceivedMessage, StreamPosition, of_webhook
from responder.policy import Policy, Verdict
from responder.settings import load
from responder.store.chats import Chats
from responder.store.circumstances import CircumstanceReader
from responder.store.erasure import erase
from responder.store.human_replies import HumanReplies
from responder.store.recorder import Recorder
from responder.store.rows import NewTurn, Pending, QueuedAnswer, part_of
from responder.store.schema import SCHEMA, chats, conversations, identities, messages, turns
from responder.store.switches import Switches
from responder.store.turns import Turns
from responder.turns import TurnOrigin
from tests.forked import forked
from tests.responder.conftest import ResponderHarness

PN, LID = "5491155500001@c.us", "188000000000001@lid"
OTHER_LID = "188000000000002@lid"
NOW = 1_700_000_000.0
NUMBER, HIDDEN, BOTH, LINK = "number", "lid", "both", "link"
Item = ReceivedMessage | PersonLink


@dataclass
class Desk:
    """A recorder with everything that decides; `say` records one message at a moment of its own."""

    database: SqlDatabase
    policy: Policy = field(default_factory=Policy)
    now: float = NOW
    count: int = 0

    def __post_init__(self) -> None:
        self.switches = Switches(self.database, True, lambda: self.now)
        self.operator = OperatorSettings(self.policy, OpeningTimes, ZoneInfo("UTC"), 1800)
        self.recorder = Recorder(self.database, self.operator, self.switches)
        self.turns = Turns(self.database, CircumstanceReader(self.operator, self.switches))

    def message(self, way: str, body: str, *, own: bool = False, **fields: Any) -> ReceivedMessage:
        """As the legacy path posts it, with the fields that the way carries."""
        self.count, self.now = self.count + 1, self.now + 5  # sooner, an own message counts as an automatic one
        chat = PN if way == NUMBER else LID
        pair = {"from_pn": PN, "from_lid": LID} if way == BOTH else {}
        key = f"{'true' if own else 'false'}_{chat}_3EB0{self.count:04}"
        values = {"from": chat, "body": body, "type": "chat", "timestamp": int(self.now), "id": key, **pair, **fields}
        return of_webhook("haby", values, 51)

    def link(self) -> PersonLink:
        position = StreamPosition("haby", Stream.EVENT, Cursor(epoch="e", seq=self.count + 1))
        return PersonLink(position, frozenset({PN, LID, "person:1", "person:2"}))

    async def say(self, way: str, body: str = "", **fields: Any) -> list[Pending]:
        items: list[Item] = [self.link() if way == LINK else self.message(way, body, **fields)]
        return (await self.recorder.record(items, now=self.now))[0]

    async def answer(self, pending: Sequence[Pending], words: str) -> Any:
        turn = NewTurn(tuple(pending), TurnOrigin.RULE, (QueuedAnswer(f"turn-{self.count}", words),), self.now + 900)
        leases = [lease async for lease in self._leases(turn)]
        [outcome] = await self.turns.open([turn], leases, self.now)
        return outcome

    async def _leases(self, turn: NewTurn) -> Any:
        from responder.store.rows import Lease, chats_lease
        from responder.store.schema import leases

        name = chats_lease(turn.first.part)
        async with self.database.write() as connection:
            if (await connection.execute(select(leases).where(leases.c.name == name))).first() is None:
                await connection.execute(insert(leases).values(name=name, owner="me", fence=1, expires_at=NOW * 2))
        yield Lease(name, "me", 1)

    async def answerable(self, pending: Sequence[Pending]) -> list[str]:
        """The texts among these that would still be answered."""
        return [one.body for one in pending if await self.turns.verdict(one, self.now) is Verdict.ANSWER]

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self.database.read() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]

    async def verdicts(self) -> list[str]:
        return [one for (one,) in await self.rows("SELECT verdict FROM wa_message ORDER BY id")]


@pytest_asyncio.fixture(loop_scope="session")
async def embedded(sqlite_settings: dict[str, Any]) -> AsyncIterator[SqlDatabase]:
    """For what does not depend on the kind of database."""
    async with SqlDatabase(load(**sqlite_settings).database_url) as database:
        yield database


@pytest_asyncio.fixture(loop_scope="session")
async def desk(embedded: SqlDatabase) -> Desk:
    return Desk(embedded)


@pytest_asyncio.fixture(loop_scope="session")
async def each_desk(database: SqlDatabase) -> Desk:
    """On each kind of database."""
    return Desk(database)


#: How number and LID become known as one: what comes between the first message and the last.
WAYS = [
    (NUMBER, (), BOTH),
    (NUMBER, (HIDDEN,), BOTH),
    (NUMBER, (LINK,), HIDDEN),
    (NUMBER, (HIDDEN, LINK), HIDDEN),
    (NUMBER, (BOTH,), HIDDEN),
    (HIDDEN, (), BOTH),
    (HIDDEN, (NUMBER, BOTH), NUMBER),
    (HIDDEN, (NUMBER, LINK), NUMBER),
    (HIDDEN, (LINK,), NUMBER),
    (BOTH, (), NUMBER),
    (BOTH, (), HIDDEN),
]
each_way = pytest.mark.parametrize(("first", "between", "last"), WAYS)


@each_way
async def test_an_opt_out_follows_the_person(desk: Desk, first: str, between: tuple[str, ...], last: str) -> None:
    await desk.say(first, "baja")
    for way in between:
        await desk.say(way, f"algo {way}")
    assert await desk.answerable(await desk.say(last, "¿hola?")) == []
    assert (await desk.verdicts())[-1] == Verdict.OPTED_OUT
    [(opted_out,)] = await desk.rows("SELECT count(*) FROM wa_chat WHERE opted_out_at IS NOT NULL")
    assert (opted_out, await desk.rows("SELECT count(*) FROM wa_chat")) == (1, [(1,)])


@each_way
async def test_a_person_who_answered_on_the_phone_is_not_talked_over(
    desk: Desk, first: str, between: tuple[str, ...], last: str
) -> None:
    await desk.say(first, "¿Tienen turno?")
    desk.now += 5  # what comes at once is no person's
    await desk.say(first, "Sí, le escribo yo", own=True)
    for way in between:
        await desk.say(way, f"algo {way}")
    assert await desk.answerable(await desk.say(last, "¿hola?")) == []
    assert (await desk.verdicts())[-1] == Verdict.HUMAN


@each_way
async def test_a_reply_from_the_page_pauses_the_person(
    desk: Desk, first: str, between: tuple[str, ...], last: str
) -> None:
    [pending] = await desk.say(first, "¿Tienen turno?")
    replies = HumanReplies(desk.database, 1800)
    await replies.open(pending.chat_id, "Sí", "request-1", now=desk.now, expires_at=desk.now + 900)
    for way in between:
        await desk.say(way, f"algo {way}")
    assert await desk.answerable(await desk.say(last, "¿hola?")) == []
    assert (await desk.verdicts())[-1] == Verdict.HUMAN


@each_way
async def test_the_same_text_is_a_duplicate_under_another_address(
    desk: Desk, first: str, between: tuple[str, ...], last: str
) -> None:
    await desk.say(first, "¿Tienen turno?")
    for way in between:
        await desk.say(way, "¿Tienen turno?")
    await desk.say(last, "¿tienen turno?")
    assert (await desk.verdicts())[-1] == Verdict.DUPLICATE


@each_way
async def test_the_hourly_budget_is_the_persons(
    embedded: SqlDatabase, first: str, between: tuple[str, ...], last: str
) -> None:
    desk = Desk(embedded, Policy(chat_budget=2))
    for number in range(2):
        assert not isinstance(await desk.answer(await desk.say(first, f"pregunta {number}"), f"{number}"), Verdict)
    for way in between:
        await desk.say(way, f"algo {way}")
    pending = await desk.say(last, "otra pregunta")
    own = [one for one in pending if one.body == "otra pregunta"]
    assert await desk.answer(own, "no") is Verdict.CHAT_BUDGET


@pytest.mark.parametrize(
    ("spelling", "before", "way"),
    [
        (spelling, before, way)
        for spelling in ("54 11 15 5550-0001", "+54 9 11 5550-0001", "541155500001", LID)
        for before, way in (((), NUMBER), ((), BOTH), ((BOTH,), HIDDEN), ((BOTH,), NUMBER))
        if (spelling, before, way) != (LID, (), NUMBER)  # that this number has this LID is not known yet
    ],
)
async def test_the_lists_name_the_person_in_any_spelling(
    embedded: SqlDatabase, spelling: str, before: tuple[str, ...], way: str
) -> None:
    lists = load(admins=spelling, blocked=spelling, own=spelling).policy
    desk = Desk(embedded, Policy(blocked=lists.blocked))
    for one in before:
        await desk.say(one, "antes")
    await desk.say(way, "hola")
    assert (await desk.verdicts())[-1] == Verdict.BLOCKED
    admin = Desk(embedded, Policy(admins=lists.admins), now=desk.now, count=100)
    await admin.say(way, "responder off")
    assert (await admin.verdicts())[-1] == Verdict.ORDER
    group = "120363000000000001@g.us"
    author = PN if way == NUMBER else LID
    pair = {"from_pn": PN, "from_lid": LID} if way == BOTH else {}
    fields: dict[str, Any] = {"from": group, "author": author, **pair}
    blocked = replace(desk.message(way, "hola", **fields), message_id="in a group")
    await desk.recorder.record([blocked], now=desk.now)
    assert (await desk.verdicts())[-1] == Verdict.BLOCKED


@pytest.mark.parametrize("wrong", ["011 15 5550-0002", "Ana", "120363000000000001@g.us", "12"])
@pytest.mark.parametrize("name", ["ADMIN_NUMBERS", "RESPONDER_BLOCKED", "RESPONDER_OWN"])
def test_a_list_that_can_never_match_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, wrong: str) -> None:
    monkeypatch.setenv(name, f"5491155500001,{wrong}")
    with pytest.raises(WrongSettings, match=name):
        load()


async def test_the_conversation_is_whole_and_under_the_number(each_desk: Desk) -> None:
    desk = each_desk
    for way, body in ((HIDDEN, "uno"), (NUMBER, "dos"), (HIDDEN, "tres"), (BOTH, "cuatro"), (HIDDEN, "cinco")):
        await desk.say(way, body)
    lines = await desk.rows("SELECT telefono, mensaje FROM ll_ia_conversaciones ORDER BY id")
    assert lines == [("5491155500001", body) for body in ("uno", "dos", "tres", "cuatro", "cinco")]
    [(address, number)] = await desk.rows("SELECT chat, telefono FROM wa_chat")
    assert (address, number) == (LID, "5491155500001"), "answers go where the newest message came from"
    chat_ids = await desk.rows("SELECT DISTINCT chat_id, part FROM wa_message")
    assert len(chat_ids) == 1


async def test_what_waited_in_both_chats_is_answered_once_in_one(each_desk: Desk) -> None:
    desk = each_desk
    [by_lid] = await desk.say(HIDDEN, "uno")
    [by_number] = await desk.say(NUMBER, "dos")
    pending = await desk.say(LINK)
    assert [one.body for one in pending] == ["uno", "dos"]
    assert {one.chat_id for one in pending} == {by_lid.chat_id}
    assert await desk.answer([by_number], "x") is None, "what another task still holds is void"
    assert not isinstance(await desk.answer(pending, "x"), Verdict | None)
    assert await desk.verdicts() == [Verdict.ANSWERED] * 2
    assert (await desk.rows("SELECT chat_id FROM wa_turn")) == [(by_lid.chat_id,)]


async def test_the_id_of_a_merged_chat_leads_to_the_conversation(each_desk: Desk) -> None:
    desk, chat_list = each_desk, Chats(each_desk.database)
    await desk.say(NUMBER, "hola")
    await desk.say(HIDDEN, "buenas")
    [(kept,), (gone,)] = await desk.rows("SELECT id FROM wa_chat ORDER BY id")
    human = HumanReplies(desk.database, 60)
    sent = await human.open(gone, "Sí", "request-1", now=desk.now, expires_at=desk.now + 60)
    await desk.say(LINK)
    assert (await chat_list.one(gone)).id == kept
    assert await chat_list.lines(gone) == await chat_list.lines(kept)
    assert await chat_list.pause(gone, 7.0) == kept
    assert (await chat_list.one(kept)).paused_until == 7.0
    for chat_id in (gone, kept):
        again = await human.open(chat_id, "Sí", "request-1", now=desk.now, expires_at=desk.now + 60)
        assert (again.id, again.chat_id) == (sent.id, kept)
    with pytest.raises(NoSuchChat):
        await chat_list.one(999)


async def test_a_reply_from_the_page_never_shortens_a_pause(each_desk: Desk) -> None:
    desk, chat_list = each_desk, Chats(each_desk.database)
    await desk.say(NUMBER, "hola")
    [(chat_id,)] = await desk.rows("SELECT id FROM wa_chat")
    human = HumanReplies(desk.database, 60)
    for number, (before, after) in enumerate(((0.0, desk.now + 60), (NO_END, NO_END))):
        await chat_list.pause(chat_id, before)
        await human.open(chat_id, "Sí", f"request-{number}", now=desk.now, expires_at=desk.now + 60)
        assert (await chat_list.one(chat_id)).paused_until == after


async def test_a_whole_batch_in_any_order_is_one_conversation(database: SqlDatabase) -> None:
    for order in itertools.permutations((NUMBER, HIDDEN, BOTH, LINK)):
        async with database.write() as connection:
            for table in (chats, messages, identities, conversations):
                await connection.execute(table.delete())
        desk = Desk(database)
        batch = [desk.link() if way == LINK else desk.message(way, way) for way in order]
        await desk.recorder.record(batch, now=desk.now)
        assert await desk.rows("SELECT count(*) FROM wa_chat") == [(1,)], order
        assert await desk.rows("SELECT DISTINCT telefono FROM ll_ia_conversaciones") == [("5491155500001",)]


async def test_a_number_that_passes_to_another_account_keeps_two_people_apart(each_desk: Desk) -> None:
    desk = each_desk
    await desk.say(NUMBER, "baja", from_lid=LID)
    await desk.say(NUMBER, "hola", from_lid=OTHER_LID)
    assert await desk.verdicts() == [Verdict.OPT_OUT, Verdict.ANSWER]
    assert await desk.say(HIDDEN, "hola") == [], "the former owner has opted out"
    await desk.say(NUMBER, "¿siguen ahí?")
    assert (await desk.verdicts())[-1] == Verdict.ANSWER


async def test_two_spellings_of_a_number_are_one_chat_and_other_numbers_are_not(desk: Desk) -> None:
    await desk.say(NUMBER, "baja")
    await desk.say(NUMBER, "hola", **{"from": "541155500001@c.us"})
    await desk.say(NUMBER, "hola", **{"from": "5491155500009@c.us"})
    assert await desk.verdicts() == [Verdict.OPT_OUT, Verdict.OPTED_OUT, Verdict.ANSWER]


async def test_two_writers_that_learn_it_at_once_lose_nothing(database: SqlDatabase) -> None:
    desk = Desk(database)
    await desk.say(NUMBER, "baja")
    await desk.say(HIDDEN, "hola")
    ways = [way for _ in range(6) for way in (BOTH, NUMBER, HIDDEN)]
    items = [desk.message(way, f"{way} {number}") for number, way in enumerate(ways)]
    #: Of the hidden address, written before a message with both addresses was recorded: nothing links it to the number.
    apart = {item.message_id for way, item in zip(ways, items, strict=True) if way == HIDDEN}
    linked = False

    async def record(way: str, item: ReceivedMessage) -> None:
        nonlocal linked
        while True:
            if linked:
                apart.discard(item.message_id)
            try:
                await desk.recorder.record([item], now=desk.now)
            except Exception as error:
                if type(error).__name__ != "DatabaseDown":  # a deadlock: the callers try again
                    raise
            else:
                linked |= way == BOTH
                return

    await asyncio.gather(*map(record, ways, items))
    assert await desk.rows("SELECT count(*) FROM wa_chat") == [(1,)]
    assert await desk.rows("SELECT count(*), count(DISTINCT chat_id) FROM wa_message") == [(20, 1)]
    answered = await desk.rows("SELECT message_id FROM wa_message WHERE verdict = 'answer' ORDER BY id")
    assert {one for (one,) in answered[1:]} <= apart, "the opt-out was lost"
    assert await desk.say(HIDDEN, "¿Hola?") == []


KILLED = """
import asyncio, os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import make_url
from bridge.client import Cursor
from bridge.contract.messages import Stream
from responder.incoming import PersonLink, StreamPosition
from bridge.sql.database import SqlDatabase
from responder.store.identities import chats_of

async def main(url, names, statements):
    async with SqlDatabase(make_url(url)) as database:
        left = [statements]
        def count(connection, cursor, statement, *rest):
            left[0] -= statement.split()[0] in ("UPDATE", "INSERT", "DELETE")
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        event.listen(database._engine.sync_engine, "before_cursor_execute", count)
        position = StreamPosition("haby", Stream.EVENT, Cursor(epoch="e", seq=1))
        async with database.write() as connection:
            await chats_of(connection, [PersonLink(position, frozenset(names.split(",")))])

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.mark.timeout(240)  # a process for each statement
async def test_a_kill_between_the_steps_of_a_merge_loses_nothing(each_desk: Desk, tmp_path: Path) -> None:
    desk = each_desk
    await desk.say(NUMBER, "baja")
    await desk.say(HIDDEN, "hola")
    tables = ("wa_chat", "wa_message", "wa_identity", "ll_ia_conversaciones")

    async def everything() -> list[Any]:
        return [await desk.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]

    before, url = await everything(), desk.database.url.render_as_string(hide_password=False)
    status: int | None = -signal.SIGKILL
    statements = 0
    while status == -signal.SIGKILL:
        arguments = ("-c", KILLED, url, f"{PN},{LID}", str(statements))
        async with forked(arguments, os.environ, tmp_path) as (child, _):
            status = await child.ended()
        if status == -signal.SIGKILL:
            assert await everything() == before, statements
            statements += 1
    assert (status, statements > 4) == (0, True)
    assert await desk.rows("SELECT count(*) FROM wa_chat") == [(1,)]
    assert await desk.rows("SELECT count(*), count(DISTINCT chat_id) FROM wa_message") == [(2, 1)]


async def test_forget_follows_the_person(each_desk: Desk) -> None:
    desk = each_desk
    await desk.say(BOTH, "uno")
    await desk.say(HIDDEN, "dos")
    await erase(desk.database, ["541155500001@c.us"])
    for table in (conversations, messages, chats, identities):
        async with desk.database.read() as connection:
            assert await connection.scalar(select(func.count()).select_from(table)) == 0, table.name
    await desk.say(BOTH, "baja")
    await erase(desk.database, [LID])
    await desk.say(NUMBER, "hola")
    assert (await desk.verdicts())[-1] == Verdict.OPTED_OUT, "the opt-out stays, under every address"


async def fill_earlier(database: SqlDatabase) -> None:
    """The database of the version before: two chats of one person, a third one's, and a group."""
    async with database.write() as connection:
        await connection.run_sync(lambda bind: identities.drop(bind))
        await connection.execute(text("UPDATE wa_schema SET version_num = '0001'"))
        group = "120363000000000001@g.us"
        people: list[tuple[str, str, dict[str, Any]]] = [
            (PN, "5491155500001", {"opted_out_at": 5.0, "last_at": 10.0, "name": "Ana"}),
            (OTHER_LID, OTHER_LID, {"last_at": 11.0}),
            (group, group, {"is_group": True}),
            (LID, "5491155500001", {"paused_until": 99.0, "last_at": 20.0, "last_print": "p"}),
            ("541155500001@c.us", "541155500001", {"last_at": 1.0}),
        ]
        for number, (address, person, more) in enumerate(people, 1):
            row = {"id": number, "session": "haby", "chat": address, "part": part_of("haby", address)}
            row |= {"telefono": person, "cliente_id": 51, "is_group": False, "last_message": number, **more}
            await connection.execute(insert(chats).values(row))
            line = {"id": number, "cliente_id": 51, "telefono": person, "rol": "user", "mensaje": f"texto {number}"}
            await connection.execute(insert(conversations).values(line))
            record = {
                "id": number,
                "session": "haby",
                "message_id": f"m{number}",
                "chat_id": number,
                "part": row["part"],
            }
            await connection.execute(
                insert(messages).values(**record, conversation_id=number, verdict="answer", timestamp=1.0)
            )
            turn = {"id": number, "session": "haby", "first_message": f"m{number}", "chat_id": number, "part": 0}
            await connection.execute(
                insert(turns).values(**turn, origin="rule", commands="[]", state="sent", created_at=1, expires_at=2)
            )
        line = {"id": 9, "cliente_id": 51, "telefono": LID, "rol": "user", "mensaje": "antes de conocer el número"}
        await connection.execute(insert(conversations).values(line))


async def test_an_earlier_database_gets_one_conversation_for_each_person(database: SqlDatabase) -> None:
    await fill_earlier(database)
    await SCHEMA.migrate(database)
    await SCHEMA.migrate(database)
    desk = Desk(database)
    assert await desk.rows(
        "SELECT id, chat, telefono, name, opted_out_at, paused_until, last_print FROM wa_chat ORDER BY id"
    ) == [
        (1, LID, "5491155500001", "Ana", 5.0, 99.0, "p"),
        (2, OTHER_LID, OTHER_LID, None, None, 0.0, None),
        (3, "120363000000000001@g.us", "120363000000000001@g.us", None, None, 0.0, None),
    ]
    for table in ("wa_message", "wa_turn"):
        found = await desk.rows(f"SELECT id, chat_id, part FROM {table} ORDER BY id")
        assert [(number, chat) for number, chat, _ in found] == [(1, 1), (2, 2), (3, 3), (4, 1), (5, 1)]
        assert {part for _, chat, part in found if chat == 1} <= {part_of("haby", PN), 0}
    lines = await desk.rows("SELECT id, telefono FROM ll_ia_conversaciones WHERE id NOT IN (2, 3) ORDER BY id")
    assert lines == [(number, "5491155500001") for number in (1, 4, 5, 9)]
    await desk.say(HIDDEN, "hola")
    assert (await desk.verdicts())[-1] == Verdict.OPTED_OUT


async def test_an_interrupted_migration_is_completed(database: SqlDatabase) -> None:
    await fill_earlier(database)
    async with database.write() as connection:  # MySQL commits the new table at once, and the process ends after it
        await connection.run_sync(lambda bind: identities.create(bind))
    await SCHEMA.migrate(database)
    desk = Desk(database)
    assert await desk.rows("SELECT count(*) FROM wa_chat") == [(3,)]
    names = await desk.rows("SELECT name FROM wa_identity WHERE chat_id = 1 ORDER BY name")
    assert names == [("#4",), ("#5",), (LID,), (PN,)]


async def test_a_chat_of_an_earlier_version_that_still_runs_is_adopted(each_desk: Desk) -> None:
    desk = each_desk
    async with desk.database.write() as connection:
        row = {"session": "haby", "chat": PN, "part": 0, "telefono": "5491155500001", "cliente_id": 51}
        await connection.execute(insert(chats).values(**row, is_group=False, opted_out_at=1.0))
    assert await desk.say(BOTH, "hola") == []
    await desk.say(NUMBER, "hola")
    assert await desk.verdicts() == [Verdict.OPTED_OUT] * 2


async def test_the_bridge_and_the_responder_together(harness: ResponderHarness) -> None:
    """The case of the report: «baja» by number, then the chat moves to its LID."""
    await harness.start()
    phone = harness.bridge.phone
    phone.incoming(PN, "baja")
    await harness.verdicts(1)
    phone.incoming(LID, "buenas", from_pn=Jid.parse(PN), from_lid=Jid.parse(LID))
    await harness.verdicts(2)
    phone.incoming(LID, "hola")
    assert await harness.verdicts(3) == ["opt_out", "opted_out", "opted_out"]
    assert phone.sent == []


async def test_a_pair_that_the_bridge_learns_later_merges_two_running_conversations(harness: ResponderHarness) -> None:
    await harness.start(admins="541155500001")
    phone = harness.bridge.phone
    phone.incoming(LID, "¿Tienen turno para el jueves?")
    phone.incoming(PN, "baja")
    await harness.until_rows("SELECT count(*) FROM wa_chat", [(2,)])
    phone.incoming(
        "120363000000000001@g.us", "hola", author=LID, from_pn=Jid.parse(PN), from_lid=Jid.parse(LID)
    )  # names both
    await harness.until_rows("SELECT count(*) FROM wa_chat WHERE NOT is_group", [(1,)])
    phone.incoming(LID, "hola")
    assert (await harness.verdicts(4))[-1] == "opted_out"
