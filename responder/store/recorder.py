"""Records messages: the conversation, the verdict, the state of the chat, and the cursor, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.client import Cursor
from bridge.contract.events import MEDIA
from bridge.contract.messages import Stream
from bridge.sql.database import SqlDatabase
from responder.chat_state import AUTOREPLY_WITHIN, ChatState, OperatorSettings, judge
from responder.incoming import LONGEST_KIND, MessageMark, PersonLink, ReceivedMessage, StreamPosition, file_mark
from responder.policy import BY_HAND, Verdict
from responder.store import marks
from responder.store.identities import chats_of
from responder.store.leases import check_lease
from responder.store.pending import open_messages
from responder.store.rows import OPEN, Lease, Pending
from responder.store.schema import conversations, cursors, messages
from responder.store.statements import CHANGE_CHAT, CURSOR, MOVE_CURSOR, insert_rows
from responder.store.switches import Switches

#: A webhook and a stream may record the same message at the same time; one of them then tries again.
TRIES = 5
#: Messages that are read to know whether a person is in the conversation.
RECENT = 10
#: Messages to answer, and ids of the chats that have changed.
Recorded = tuple[list[Pending], set[int]]


class Recorder:
    def __init__(self, database: SqlDatabase, operator: OperatorSettings, switches: Switches) -> None:
        self._database = database
        self._operator = operator
        self._switches = switches

    @property
    def largest_statement(self) -> int | None:
        """Bytes that a batch may have as SQL; None: no limit."""
        return self._database.largest_statement

    async def answers(self) -> bool:
        """Whether the database answers now."""
        return await self._database.answers()

    async def cursor(self, session: str, stream: Stream) -> Cursor | None:
        """The stored position of a stream. Raises DatabaseDown."""
        async with self._database.read() as connection:
            row = (await connection.execute(CURSOR, {"of_session": session, "of_stream": stream})).one_or_none()
        return Cursor(epoch=row.epoch, seq=row.seq) if row else None

    async def record(
        self,
        batch: Sequence[ReceivedMessage | PersonLink | MessageMark | StreamPosition],
        *,
        now: float,
        lease: Lease | None = None,
    ) -> Recorded:
        """Record a batch of one session; skips what is recorded already. Raises DatabaseDown, LeaseLost."""
        received = [item for item in batch if isinstance(item, ReceivedMessage)]
        links = [item for item in batch if isinstance(item, PersonLink)]
        for tried in range(TRIES):
            try:
                async with self._database.write() as connection:
                    if lease is not None:
                        await check_lease(connection, lease)
                    # most are new: the first try assumes all are, and the unique key reports the others
                    new = received if tried == 0 or not received else await _unrecorded(connection, received)
                    recorded: Recorded = ([], set())
                    if new or links:
                        recorded = await self._record(connection, await _as_edited(connection, new), links, now)
                    marked = await marks.keep(connection, self._marks(batch))
                    recorded[1].update(marked)
                    await _move_cursors(connection, batch)
                    return recorded
            except IntegrityError:
                if tried == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    async def _record(
        self,
        connection: AsyncConnection,
        received: Sequence[ReceivedMessage],
        links: Sequence[PersonLink],
        now: float,
    ) -> Recorded:
        switches = await self._switches.state(connection)
        found = await chats_of(connection, [*received, *links])
        # what is known of an author counts for the administrators and the blocked, too
        received = [
            replace(one, facts=replace(one.facts, people=one.people | found.names_of(one.people))) for one in received
        ]
        states = [found.of(message) for message in received]
        was_active = switches.active
        for message, state in zip(received, states, strict=True):
            await self._unmask_autoreply(connection, message, state)
        verdicts = [
            judge(message, state, switches, self._operator, now)
            for message, state in zip(received, states, strict=True)
        ]
        await _withdraw_answered(connection, received, verdicts, states)
        lines = [
            _line(message, state, verdict)
            for message, state, verdict in zip(received, states, verdicts, strict=True)
            if message.facts.is_conversation
        ]
        line_ids = iter(await insert_rows(connection, conversations, lines))
        rows = [
            {
                "session": message.session,
                "message_id": message.message_id,
                "chat_id": state.id,
                "part": state.part,
                "conversation_id": next(line_ids) if message.facts.is_conversation else None,
                "verdict": verdict,
                "timestamp": message.facts.timestamp,
                "kind": message.facts.kind[:LONGEST_KIND],
                "title": message.facts.title or None,
            }
            for message, state, verdict in zip(received, states, verdicts, strict=True)
        ]
        ids = await insert_rows(connection, messages, rows)
        for state, verdict, row_id in zip(states, verdicts, ids, strict=True):
            if verdict is not Verdict.AUTOREPLY:
                state.last_message = row_id
        changed = {state.id: state for state in states} | {kept: found.states[kept] for kept in found.merged}
        await write_chats(connection, changed.values())
        if switches.active != was_active:
            await self._switches.write_active(connection, switches.active)
        if self._operator.policy.reads_files:
            await marks.keep(connection, [mark for one in received if (mark := file_mark(one)) is not None])
        pending = [
            _pending(row_id, message, verdict, state)
            for row_id, message, verdict, state in zip(ids, received, verdicts, states, strict=True)
            if verdict in OPEN and state.id not in found.merged
        ]
        if found.merged:
            pending += await open_messages(connection, messages.c.chat_id.in_(found.merged))
        return pending, set(changed)

    def _marks(self, batch: Sequence[object]) -> list[MessageMark]:
        """Where a file is counts only where files are read."""
        found = [item for item in batch if isinstance(item, MessageMark)]
        return found if self._operator.policy.reads_files else [mark for mark in found if mark.kind != MEDIA]

    async def _unmask_autoreply(self, connection: AsyncConnection, message: ReceivedMessage, chat: ChatState) -> None:
        """End the pause by an automatic message that was recorded before the customer's: they come by two streams."""
        is_soon = 0 < chat.last_at - message.facts.timestamp <= AUTOREPLY_WITHIN
        paused_by_it = chat.paused_until == chat.last_at + self._operator.pause
        if message.from_me or chat.last_verdict != Verdict.OWN or not (is_soon and paused_by_it):
            return
        query = select(messages).where(messages.c.chat_id == chat.id).order_by(messages.c.id.desc()).limit(RECENT)
        newest, *before = (await connection.execute(query)).all()
        conversing = chat.last_at - self._operator.pause
        if any(row.verdict in BY_HAND and row.timestamp > conversing for row in before):
            return
        chat.paused_until, chat.last_verdict = 0, None
        await connection.execute(update(messages).where(messages.c.id == newest.id).values(verdict=Verdict.AUTOREPLY))
        await connection.execute(
            update(conversations)
            .where(conversations.c.id == newest.conversation_id)
            .values(origen_mensaje="sistema", pauso_ia=0)
        )


async def _unrecorded(connection: AsyncConnection, received: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
    """Each message once, without those that are recorded."""
    by_id = {message.message_id: message for message in reversed(received)}
    query = select(messages.c.message_id).where(
        messages.c.session == received[0].session, messages.c.message_id.in_(list(by_id))
    )
    recorded = set((await connection.execute(query)).scalars())
    return [message for message in reversed(by_id.values()) if message.message_id not in recorded]


async def _as_edited(connection: AsyncConnection, received: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
    """The messages with the texts of edits and revocations that were recorded before them."""
    if not received:
        return []
    texts = await marks.texts_of(connection, received[0].session, [message.message_id for message in received])
    return [
        replace(one, facts=replace(one.facts, body=texts[one.message_id])) if one.message_id in texts else one
        for one in received
    ]


def _line(message: ReceivedMessage, chat: ChatState, verdict: Verdict) -> dict[str, object]:
    return {
        "cliente_id": message.cliente_id,
        "telefono": chat.person,
        "rol": "assistant" if message.from_me else "user",
        "origen_mensaje": "humano" if verdict in BY_HAND else "sistema" if message.from_me else "ia",
        "pauso_ia": int(verdict in BY_HAND),
        "mensaje": message.text,
    }


async def _withdraw_answered(
    connection: AsyncConnection,
    received: Sequence[ReceivedMessage],
    verdicts: list[Verdict],
    states: Sequence[ChatState],
) -> None:
    """What a person has answered by hand is not answered again, whether it waits in the store or in the batch."""
    for position, own in enumerate(received):
        if verdicts[position] not in BY_HAND:
            continue
        moment = own.facts.timestamp
        for earlier in range(position):
            if states[earlier] is states[position] and verdicts[earlier] is Verdict.ANSWER:
                verdicts[earlier] = Verdict.HUMAN
        await connection.execute(
            update(messages)
            .where(
                messages.c.chat_id == states[position].id,
                messages.c.turn_id.is_(None),
                messages.c.verdict == Verdict.ANSWER,
                messages.c.timestamp <= moment,
            )
            .values(verdict=Verdict.HUMAN)
        )


async def write_chats(connection: AsyncConnection, states: Collection[ChatState]) -> None:
    """Write the state of chats."""
    if not states:
        return
    await connection.execute(
        CHANGE_CHAT,
        [
            {
                "row": state.id,
                "chat": state.chat,
                "telefono": state.person,
                "cliente_id": state.cliente_id,
                "name": state.name,
                "paused_until": state.paused_until,
                "opted_out_at": state.opted_out_at,
                "last_print": state.last_print,
                "last_at": state.last_at,
                "last_message": state.last_message,
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
        part=chat.part,
        person=chat.person,
        cliente_id=message.cliente_id,
        body=message.facts.body,
        timestamp=message.facts.timestamp,
        is_group=message.facts.is_group,
        verdict=verdict,
        kind=message.facts.kind[:LONGEST_KIND],
    )


async def _move_cursors(
    connection: AsyncConnection, batch: Sequence[ReceivedMessage | PersonLink | MessageMark | StreamPosition]
) -> None:
    newest: dict[Stream, StreamPosition] = {}
    for item in batch:
        position = item if isinstance(item, StreamPosition) else item.position
        if position is not None:
            newest[position.stream] = position
    for stream, position in newest.items():
        key = {"of_session": position.session, "of_stream": stream}
        values = {"epoch": position.cursor.epoch, "seq": position.cursor.seq}
        moved = await connection.execute(MOVE_CURSOR, {**key, **values})
        # MySQL may count changed rows only: a count of 0 does not mean that there is no row
        if not moved.rowcount and not (await connection.execute(CURSOR, key)).first():
            await connection.execute(insert(cursors).values(session=position.session, stream=stream, **values))
