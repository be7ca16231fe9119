"""Writes what arrived: the conversation, the verdict, what is known of the chat, and the cursor, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.client import Cursor
from bridge.contract.messages import Stream
from responder.incoming import ReceivedMessage, StreamPosition
from responder.policy import Verdict
from responder.recorder import ChatState, OperatorSettings, judge
from responder.store import fences
from responder.store.database import ResponderDatabase
from responder.store.inserts import insert_rows
from responder.store.rows import OPEN, Lease, Pending, part_of
from responder.store.schema import chats, conversations, cursors, messages
from responder.store.statements import CHANGE_CHAT, CHATS, CURSOR, MOVE_CURSOR
from responder.store.switches import Switches

#: Another door may record the same message at the same moment; then it is looked at again.
TRIES = 5
#: What is to be answered, and the chats that have changed.
Recorded = tuple[list[Pending], set[int]]


class Recording:
    """The store as the recorder sees it."""

    def __init__(self, database: ResponderDatabase, house: OperatorSettings, switches: Switches) -> None:
        self._database = database
        self._house = house
        self._switches = switches

    async def cursor(self, session: str, stream: Stream) -> Cursor | None:
        """Where a stream was left. Raises DatabaseDown."""
        async with self._database.read() as connection:
            row = (await connection.execute(CURSOR, {"of_session": session, "of_stream": stream})).one_or_none()
        return Cursor(epoch=row.epoch, seq=row.seq) if row else None

    async def record(
        self, batch: Sequence[ReceivedMessage | StreamPosition], *, now: float, lease: Lease | None = None
    ) -> Recorded:
        """Record a batch, all of one session. Returns what is to be answered, and the chats that have changed.

        What was recorded before is passed over. Raises DatabaseDown, LeaseLost.
        """
        arrivals = [item for item in batch if isinstance(item, ReceivedMessage)]
        for tried in range(TRIES):
            try:
                async with self._database.write() as connection:
                    if lease is not None:
                        await fences.check(connection, lease)
                    # most are new: the first time that is taken for granted, and the unique key says where it is not
                    new = arrivals if tried == 0 else await _unrecorded(connection, arrivals)
                    recorded: Recorded = await self._record(connection, new, now) if new else ([], set())
                    await _move_cursors(connection, batch)
                    return recorded
            except IntegrityError:
                if tried == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    async def _record(self, connection: AsyncConnection, arrivals: Sequence[ReceivedMessage], now: float) -> Recorded:
        standing = await self._switches.standing(connection)
        known = await _chat_states(connection, arrivals)
        was_active = standing.active
        verdicts = [judge(arrival, known[arrival.chat], standing, self._house, now) for arrival in arrivals]
        await _withdraw_answered(connection, arrivals, verdicts, known)
        said = [_said(arrival) for arrival in arrivals if arrival.facts.is_conversation]
        said_ids = iter(await insert_rows(connection, conversations, said))
        rows = [
            {
                "session": arrival.session,
                "message_id": arrival.message_id,
                "chat_id": known[arrival.chat].id,
                "part": part_of(arrival.session, arrival.chat),
                "conversation_id": next(said_ids) if arrival.facts.is_conversation else None,
                "verdict": verdict,
                "timestamp": arrival.facts.timestamp,
            }
            for arrival, verdict in zip(arrivals, verdicts, strict=True)
        ]
        ids = await insert_rows(connection, messages, rows)
        newest = {row["chat_id"]: row_id for row, row_id in zip(rows, ids, strict=True)}
        await _write_chats(connection, known.values(), newest)
        if standing.active != was_active:
            await self._switches.write_active(connection, standing.active)
        pending = [
            _pending(row_id, arrival, verdict, known[arrival.chat])
            for row_id, arrival, verdict in zip(ids, arrivals, verdicts, strict=True)
            if verdict in OPEN
        ]
        return pending, {chat.id for chat in known.values()}


async def _unrecorded(connection: AsyncConnection, arrivals: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
    """Each message once, without those that are there already."""
    once = {arrival.message_id: arrival for arrival in reversed(arrivals)}
    query = select(messages.c.message_id).where(
        messages.c.session == arrivals[0].session, messages.c.message_id.in_(list(once))
    )
    there = set((await connection.execute(query)).scalars())
    return [arrival for arrival in reversed(once.values()) if arrival.message_id not in there]


async def _chat_states(connection: AsyncConnection, arrivals: Sequence[ReceivedMessage]) -> dict[str, ChatState]:
    session = arrivals[0].session
    wanted = {arrival.chat: arrival for arrival in arrivals}
    asked = {"session": session, "addresses": list(wanted)}
    known = {row.chat: _state(row) for row in await connection.execute(CHATS, asked)}
    if len(known) == len(wanted):
        return known
    fresh = [arrival for chat, arrival in wanted.items() if chat not in known]
    new = [
        {
            "session": session,
            "chat": arrival.chat,
            "part": part_of(session, arrival.chat),
            "telefono": arrival.person,
            "cliente_id": arrival.cliente_id,
            "is_group": arrival.facts.is_group,
        }
        for arrival in fresh
    ]
    ids = await insert_rows(connection, chats, new)
    for row_id, arrival in zip(ids, fresh, strict=True):
        known[arrival.chat] = ChatState(row_id, arrival.person, arrival.cliente_id)
    return known


def _state(row: Row[Any]) -> ChatState:
    return ChatState(
        row.id, row.telefono, row.cliente_id, row.name, row.paused_until, row.opted_out_at, row.last_print, row.last_at
    )


def _said(arrival: ReceivedMessage) -> dict[str, object]:
    return {
        "cliente_id": arrival.cliente_id,
        "telefono": arrival.person,
        "rol": "assistant" if arrival.from_me else "user",
        "origen_mensaje": "humano" if arrival.from_me else "ia",
        "pauso_ia": int(arrival.from_me),
        "mensaje": arrival.text,
    }


async def _withdraw_answered(
    connection: AsyncConnection,
    arrivals: Sequence[ReceivedMessage],
    verdicts: list[Verdict],
    known: dict[str, ChatState],
) -> None:
    """What a person has answered on the phone is not answered again: neither what waits nor what is in the batch."""
    for position, own in enumerate(arrivals):
        if not own.from_me:
            continue
        moment = own.facts.timestamp
        for earlier in range(position):
            if arrivals[earlier].chat == own.chat and verdicts[earlier] is Verdict.ANSWER:
                verdicts[earlier] = Verdict.HUMAN
        await connection.execute(
            update(messages)
            .where(
                messages.c.chat_id == known[own.chat].id,
                messages.c.turn_id.is_(None),
                messages.c.verdict == Verdict.ANSWER,
                messages.c.timestamp <= moment,
            )
            .values(verdict=Verdict.HUMAN)
        )


async def _write_chats(connection: AsyncConnection, states: Iterable[ChatState], newest: dict[Any, int]) -> None:
    await connection.execute(
        CHANGE_CHAT,
        [
            {
                "row": state.id,
                "telefono": state.person,
                "cliente_id": state.cliente_id,
                "name": state.name,
                "paused_until": state.paused_until,
                "opted_out_at": state.opted_out_at,
                "last_print": state.last_print,
                "last_at": state.last_at,
                "last_message": newest[state.id],
            }
            for state in states
        ],
    )


def _pending(row_id: int, arrival: ReceivedMessage, verdict: Verdict, chat: ChatState) -> Pending:
    return Pending(
        id=row_id,
        session=arrival.session,
        message_id=arrival.message_id,
        chat_id=chat.id,
        chat=arrival.chat,
        part=part_of(arrival.session, arrival.chat),
        person=arrival.person,
        cliente_id=arrival.cliente_id,
        body=arrival.facts.body,
        timestamp=arrival.facts.timestamp,
        is_group=arrival.facts.is_group,
        verdict=verdict,
    )


async def _move_cursors(connection: AsyncConnection, batch: Sequence[ReceivedMessage | StreamPosition]) -> None:
    newest: dict[Stream, StreamPosition] = {}
    for item in batch:
        place = item.place if isinstance(item, ReceivedMessage) else item
        if place is not None:
            newest[place.stream] = place
    for stream, place in newest.items():
        at = {"of_session": place.session, "of_stream": stream}
        values = {"epoch": place.cursor.epoch, "seq": place.cursor.seq}
        moved = await connection.execute(MOVE_CURSOR, {**at, **values})
        if not moved.rowcount and not (await connection.execute(CURSOR, at)).first():
            # (MySQL may count changed rows only, so "none" does not yet mean that there is no row)
            await connection.execute(insert(cursors).values(session=place.session, stream=stream, **values))
