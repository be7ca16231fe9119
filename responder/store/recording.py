"""Writes what arrived: the conversation, the verdict, what is known of the chat, and the cursor, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.client import Cursor
from bridge.contract.messages import Stream
from responder.arrivals import Arrival, Place
from responder.policy import Verdict
from responder.recording import ChatState, House, judge
from responder.store import fences
from responder.store.database import Database
from responder.store.rows import Lease, Pending, part_of
from responder.store.schema import chats, conversations, cursors, messages
from responder.store.switches import read_standing, write_active

#: Another door may record the same message at the same moment; then it is looked at again.
TRIES = 5


class Recording:
    """The store as the recorder sees it."""

    def __init__(self, database: Database, house: House) -> None:
        self._database = database
        self._house = house

    async def cursor(self, session: str, stream: Stream) -> Cursor | None:
        """Where a stream was left. Raises DatabaseDown."""
        query = select(cursors.c.epoch, cursors.c.seq).where(cursors.c.session == session, cursors.c.stream == stream)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return Cursor(epoch=row.epoch, seq=row.seq) if row else None

    async def record(
        self, batch: Sequence[Arrival | Place], *, now: float, configured: bool, lease: Lease | None = None
    ) -> list[Pending]:
        """Record a batch, all of one session, and return what is to be answered.

        What was recorded before is passed over. `configured` is RESPONDER_ACTIVO. Raises DatabaseDown, LeaseLost.
        """
        for left in reversed(range(TRIES)):
            try:
                async with self._database.write() as connection:
                    if lease is not None:
                        await fences.check(connection, lease)
                    return await self._record(connection, batch, now, configured)
            except IntegrityError:
                if not left:
                    raise
        raise AssertionError("unreachable")

    async def _record(
        self, connection: AsyncConnection, batch: Sequence[Arrival | Place], now: float, configured: bool
    ) -> list[Pending]:
        arrivals = await _unrecorded(connection, [item for item in batch if isinstance(item, Arrival)])
        pending: list[Pending] = []
        if arrivals:
            standing = await read_standing(connection, configured, {arrival.cliente_id for arrival in arrivals})
            known = await _chat_states(connection, arrivals)
            was_active = standing.active
            rows: list[dict[str, object]] = []
            for arrival in arrivals:
                chat = known[arrival.chat]
                verdict = judge(arrival, chat, standing, self._house, now)
                if verdict is Verdict.OWN:
                    await _human_answered(connection, chat.id, arrival.facts.timestamp)
                    rows = _withdraw(rows, chat.id, arrival.facts.timestamp)
                rows.append(await _row(connection, arrival, chat, verdict))
            await connection.execute(insert(messages), rows)
            await _write_chats(connection, known.values())
            if standing.active != was_active:
                await write_active(connection, standing.active, configured)
            open_ids = [row["message_id"] for row in rows if row["verdict"] in (Verdict.ANSWER, Verdict.ORDER)]
            pending = await _pending(connection, arrivals, open_ids)
        await _move_cursors(connection, batch)
        return pending


async def _unrecorded(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Each message once, without those that are there already."""
    if not arrivals:
        return []
    once = {arrival.message_id: arrival for arrival in reversed(arrivals)}
    query = select(messages.c.message_id).where(
        messages.c.session == arrivals[0].session, messages.c.message_id.in_(list(once))
    )
    there = set((await connection.execute(query)).scalars())
    return [arrival for arrival in reversed(once.values()) if arrival.message_id not in there]


async def _chat_states(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> dict[str, ChatState]:
    session = arrivals[0].session
    wanted = {arrival.chat: arrival for arrival in arrivals}
    query = select(chats).where(chats.c.session == session, chats.c.chat.in_(list(wanted)))
    known = {row.chat for row in await connection.execute(query)}
    if new := [arrival for chat, arrival in wanted.items() if chat not in known]:
        await connection.execute(
            insert(chats),
            [
                {
                    "session": session,
                    "chat": arrival.chat,
                    "part": part_of(session, arrival.chat),
                    "telefono": arrival.person,
                    "cliente_id": arrival.cliente_id,
                    "is_group": arrival.facts.is_group,
                }
                for arrival in new
            ],
        )
    return {
        row.chat: ChatState(
            row.id, row.telefono, row.cliente_id, row.name, row.paused_until, row.opted_out_at, row.last_print,
            row.last_at,
        )
        for row in await connection.execute(query)
    }  # fmt: skip


async def _row(connection: AsyncConnection, arrival: Arrival, chat: ChatState, verdict: Verdict) -> dict[str, object]:
    conversation_id = None
    if verdict is not Verdict.NOT_A_CONVERSATION:
        said = await connection.execute(
            insert(conversations).values(
                cliente_id=arrival.cliente_id,
                telefono=arrival.person,
                rol="assistant" if arrival.from_me else "user",
                origen_mensaje="humano" if arrival.from_me else "ia",
                pauso_ia=int(arrival.from_me),
                mensaje=arrival.text,
            )
        )
        conversation_id = said.inserted_primary_key[0] if said.inserted_primary_key else None
    return {
        "session": arrival.session,
        "message_id": arrival.message_id,
        "chat_id": chat.id,
        "part": part_of(arrival.session, arrival.chat),
        "conversation_id": conversation_id,
        "verdict": verdict,
        "timestamp": arrival.facts.timestamp,
    }


async def _human_answered(connection: AsyncConnection, chat_id: int, timestamp: float) -> None:
    """What a person has answered on the phone is not answered again."""
    await connection.execute(
        update(messages)
        .where(
            messages.c.chat_id == chat_id,
            messages.c.turn_id.is_(None),
            messages.c.verdict == Verdict.ANSWER,
            messages.c.timestamp <= timestamp,
        )
        .values(verdict=Verdict.HUMAN)
    )


def _withdraw(rows: list[dict[str, object]], chat_id: int, timestamp: float) -> list[dict[str, object]]:
    """The same for messages of this very batch."""
    return [
        {**row, "verdict": Verdict.HUMAN}
        if row["chat_id"] == chat_id and row["verdict"] is Verdict.ANSWER and row["timestamp"] <= timestamp  # type: ignore[operator]
        else row
        for row in rows
    ]


async def _write_chats(connection: AsyncConnection, states: Iterable[ChatState]) -> None:
    await connection.execute(
        update(chats)
        .where(chats.c.id == bindparam("chat_row"))
        .values(
            {
                name: bindparam(name)
                for name in ("telefono", "cliente_id", "name", "paused_until", "opted_out_at", "last_print", "last_at")
            }
        ),
        [
            {
                "chat_row": state.id,
                "telefono": state.person,
                "cliente_id": state.cliente_id,
                "name": state.name,
                "paused_until": state.paused_until,
                "opted_out_at": state.opted_out_at,
                "last_print": state.last_print,
                "last_at": state.last_at,
            }
            for state in states
        ],
    )


async def _pending(connection: AsyncConnection, arrivals: Sequence[Arrival], open_ids: list[object]) -> list[Pending]:
    """The new messages that want an answer, with the ids that the database gave them."""
    if not open_ids:
        return []
    of_id = {arrival.message_id: arrival for arrival in arrivals}
    query = (
        select(messages)
        .where(messages.c.session == arrivals[0].session, messages.c.message_id.in_(open_ids))
        .order_by(messages.c.id)
    )
    return [
        Pending(
            id=row.id,
            session=row.session,
            message_id=row.message_id,
            chat_id=row.chat_id,
            chat=of_id[row.message_id].chat,
            part=row.part,
            person=of_id[row.message_id].person,
            cliente_id=of_id[row.message_id].cliente_id,
            body=of_id[row.message_id].facts.body,
            timestamp=row.timestamp,
            is_group=of_id[row.message_id].facts.is_group,
            verdict=Verdict(row.verdict),
        )
        for row in await connection.execute(query)
    ]


async def _move_cursors(connection: AsyncConnection, batch: Sequence[Arrival | Place]) -> None:
    newest: dict[Stream, Place] = {}
    for item in batch:
        place = item.place if isinstance(item, Arrival) else item
        if place is not None:
            newest[place.stream] = place
    for stream, place in newest.items():
        where = (cursors.c.session == place.session) & (cursors.c.stream == stream)
        values = {"epoch": place.cursor.epoch, "seq": place.cursor.seq}
        moved = await connection.execute(update(cursors).where(where).values(values))
        if not moved.rowcount and not (await connection.execute(select(cursors.c.seq).where(where))).first():
            # (MySQL may count changed rows only, so "none" does not yet mean that there is no row)
            await connection.execute(insert(cursors).values(session=place.session, stream=stream, **values))
