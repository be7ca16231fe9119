"""Records messages: the conversation, the verdict, the state of the chat, and the cursor, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.client import Cursor
from bridge.contract.messages import Stream
from responder.chat_state import ChatState, OperatorSettings, judge
from responder.incoming import ReceivedMessage, StreamPosition
from responder.policy import Verdict
from responder.store.database import ResponderDatabase
from responder.store.leases import check_lease
from responder.store.rows import OPEN, Lease, Pending, part_of
from responder.store.schema import chats, conversations, cursors, messages
from responder.store.statements import CHANGE_CHAT, CHATS, CURSOR, MOVE_CURSOR, insert_rows
from responder.store.switches import Switches

#: A webhook and a stream may record the same message at the same time; one of them then tries again.
TRIES = 5
#: Messages to answer, and ids of the chats that have changed.
Recorded = tuple[list[Pending], set[int]]


class Recorder:
    def __init__(self, database: ResponderDatabase, operator: OperatorSettings, switches: Switches) -> None:
        self._database = database
        self._operator = operator
        self._switches = switches

    async def cursor(self, session: str, stream: Stream) -> Cursor | None:
        """The stored position of a stream. Raises DatabaseDown."""
        async with self._database.read() as connection:
            row = (await connection.execute(CURSOR, {"of_session": session, "of_stream": stream})).one_or_none()
        return Cursor(epoch=row.epoch, seq=row.seq) if row else None

    async def record(
        self, batch: Sequence[ReceivedMessage | StreamPosition], *, now: float, lease: Lease | None = None
    ) -> Recorded:
        """Record a batch of one session; skips what is recorded already. Raises DatabaseDown, LeaseLost."""
        received = [item for item in batch if isinstance(item, ReceivedMessage)]
        for tried in range(TRIES):
            try:
                async with self._database.write() as connection:
                    if lease is not None:
                        await check_lease(connection, lease)
                    # most are new: the first try assumes all are, and the unique key reports the others
                    new = received if tried == 0 else await _unrecorded(connection, received)
                    recorded: Recorded = await self._record(connection, new, now) if new else ([], set())
                    await _move_cursors(connection, batch)
                    return recorded
            except IntegrityError:
                if tried == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    async def _record(self, connection: AsyncConnection, received: Sequence[ReceivedMessage], now: float) -> Recorded:
        switches = await self._switches.state(connection)
        states = await _chat_states(connection, received)
        was_active = switches.active
        verdicts = [judge(message, states[message.chat], switches, self._operator, now) for message in received]
        await _withdraw_answered(connection, received, verdicts, states)
        lines = [_line(message) for message in received if message.facts.is_conversation]
        line_ids = iter(await insert_rows(connection, conversations, lines))
        rows = [
            {
                "session": message.session,
                "message_id": message.message_id,
                "chat_id": states[message.chat].id,
                "part": part_of(message.session, message.chat),
                "conversation_id": next(line_ids) if message.facts.is_conversation else None,
                "verdict": verdict,
                "timestamp": message.facts.timestamp,
            }
            for message, verdict in zip(received, verdicts, strict=True)
        ]
        ids = await insert_rows(connection, messages, rows)
        newest = {row["chat_id"]: row_id for row, row_id in zip(rows, ids, strict=True)}
        await _write_chats(connection, states.values(), newest)
        if switches.active != was_active:
            await self._switches.write_active(connection, switches.active)
        pending = [
            _pending(row_id, message, verdict, states[message.chat])
            for row_id, message, verdict in zip(ids, received, verdicts, strict=True)
            if verdict in OPEN
        ]
        return pending, {chat.id for chat in states.values()}


async def _unrecorded(connection: AsyncConnection, received: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
    """Each message once, without those that are recorded."""
    by_id = {message.message_id: message for message in reversed(received)}
    query = select(messages.c.message_id).where(
        messages.c.session == received[0].session, messages.c.message_id.in_(list(by_id))
    )
    recorded = set((await connection.execute(query)).scalars())
    return [message for message in reversed(by_id.values()) if message.message_id not in recorded]


async def _chat_states(connection: AsyncConnection, received: Sequence[ReceivedMessage]) -> dict[str, ChatState]:
    """The state of each message's chat, by address; inserts new chats."""
    session = received[0].session
    by_chat = {message.chat: message for message in received}
    rows = await connection.execute(CHATS, {"session": session, "addresses": list(by_chat)})
    states = {row.chat: _state(row) for row in rows}
    if len(states) == len(by_chat):
        return states
    missing = [message for chat, message in by_chat.items() if chat not in states]
    new = [
        {
            "session": session,
            "chat": message.chat,
            "part": part_of(session, message.chat),
            "telefono": message.person,
            "cliente_id": message.cliente_id,
            "is_group": message.facts.is_group,
        }
        for message in missing
    ]
    ids = await insert_rows(connection, chats, new)
    for row_id, message in zip(ids, missing, strict=True):
        states[message.chat] = ChatState(row_id, message.person, message.cliente_id)
    return states


def _state(row: Row[Any]) -> ChatState:
    return ChatState(
        row.id, row.telefono, row.cliente_id, row.name, row.paused_until, row.opted_out_at, row.last_print, row.last_at
    )


def _line(message: ReceivedMessage) -> dict[str, object]:
    return {
        "cliente_id": message.cliente_id,
        "telefono": message.person,
        "rol": "assistant" if message.from_me else "user",
        "origen_mensaje": "humano" if message.from_me else "ia",
        "pauso_ia": int(message.from_me),
        "mensaje": message.text,
    }


async def _withdraw_answered(
    connection: AsyncConnection,
    received: Sequence[ReceivedMessage],
    verdicts: list[Verdict],
    states: dict[str, ChatState],
) -> None:
    """What a person has answered on the phone is not answered again, whether it waits in the store or in the batch."""
    for position, own in enumerate(received):
        if not own.from_me:
            continue
        moment = own.facts.timestamp
        for earlier in range(position):
            if received[earlier].chat == own.chat and verdicts[earlier] is Verdict.ANSWER:
                verdicts[earlier] = Verdict.HUMAN
        await connection.execute(
            update(messages)
            .where(
                messages.c.chat_id == states[own.chat].id,
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


def _pending(row_id: int, message: ReceivedMessage, verdict: Verdict, chat: ChatState) -> Pending:
    return Pending(
        id=row_id,
        session=message.session,
        message_id=message.message_id,
        chat_id=chat.id,
        chat=message.chat,
        part=part_of(message.session, message.chat),
        person=message.person,
        cliente_id=message.cliente_id,
        body=message.facts.body,
        timestamp=message.facts.timestamp,
        is_group=message.facts.is_group,
        verdict=verdict,
    )


async def _move_cursors(connection: AsyncConnection, batch: Sequence[ReceivedMessage | StreamPosition]) -> None:
    newest: dict[Stream, StreamPosition] = {}
    for item in batch:
        position = item.position if isinstance(item, ReceivedMessage) else item
        if position is not None:
            newest[position.stream] = position
    for stream, position in newest.items():
        key = {"of_session": position.session, "of_stream": stream}
        values = {"epoch": position.cursor.epoch, "seq": position.cursor.seq}
        moved = await connection.execute(MOVE_CURSOR, {**key, **values})
        # MySQL may count changed rows only: a count of 0 does not mean that there is no row
        if not moved.rowcount and not (await connection.execute(CURSOR, key)).first():
            await connection.execute(insert(cursors).values(session=position.session, stream=stream, **values))
