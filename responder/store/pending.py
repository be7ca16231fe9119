"""Unfinished work: messages without a turn, turns without an outcome; and the history of a chat. Reads only."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.sql.database import SqlDatabase
from responder.incoming import is_only_kind
from responder.orders import ACTIVE, PAUSED
from responder.policy import Verdict
from responder.prompt import HistoryEntry
from responder.store.rows import OPEN, Pending, Turn, commands_from_json
from responder.store.schema import chats, conversations, messages, turns
from responder.turns import TurnOrigin, TurnState

#: Messages read at once; the next poll reads more.
PAGE = 1000


class PendingWork:
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def pending(self, parts: Collection[int]) -> list[Pending]:
        """The oldest messages of these parts without a turn. Raises DatabaseDown."""
        async with self._database.read() as connection:
            return await open_messages(connection, messages.c.part.in_(list(parts)))

    async def unfinished(self, parts: Collection[int]) -> list[Turn]:
        """Turns of these parts whose outcome is not known, oldest first. Raises DatabaseDown."""
        query = (
            select(turns, chats.c.chat)
            .join(chats, chats.c.id == turns.c.chat_id)
            .where(turns.c.state == TurnState.READY, turns.c.part.in_(list(parts)))
            .order_by(turns.c.id)
        )
        async with self._database.read() as connection:
            return [_turn(row) for row in await connection.execute(query)]

    async def history(self, pending: Pending, length: int) -> list[HistoryEntry]:
        """The conversation with this person before the message, oldest first. Raises DatabaseDown."""
        conversation = select(messages.c.conversation_id).where(messages.c.id == pending.id).scalar_subquery()
        query = (
            select(conversations.c.rol, conversations.c.mensaje)
            .where(
                conversations.c.cliente_id == pending.cliente_id,
                # older rows may have the address where newer ones have the number
                conversations.c.telefono.in_({pending.person, pending.chat}),
                conversations.c.id < conversation,
                # confirmations of orders are no part of the conversation; what other programs sent is
                (conversations.c.origen_mensaje != "sistema")
                | conversations.c.origen_mensaje.is_(None)
                | conversations.c.mensaje.not_in((ACTIVE, PAUSED)),
            )
            .order_by(conversations.c.id.desc())
            .limit(length)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [HistoryEntry(row.rol, row.mensaje) for row in reversed(rows) if row.mensaje]


async def open_messages(connection: AsyncConnection, where: ColumnElement[bool]) -> list[Pending]:
    """The oldest messages without a turn among these."""
    query = (
        select(messages, chats.c.chat, chats.c.telefono, chats.c.cliente_id, chats.c.is_group, conversations.c.mensaje)
        .join(chats, chats.c.id == messages.c.chat_id)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.turn_id.is_(None), messages.c.verdict.in_(OPEN), where)
        .order_by(messages.c.id)
        .limit(PAGE)
    )
    return [_pending(row) for row in await connection.execute(query)]


def _pending(row: Row[tuple[object, ...]]) -> Pending:
    return Pending(
        id=row.id,
        session=row.session,
        message_id=row.message_id,
        chat_id=row.chat_id,
        chat=row.chat,
        part=row.part,
        person=row.telefono,
        cliente_id=row.cliente_id,
        body="" if is_only_kind(row.mensaje, row.kind) else row.mensaje,
        timestamp=row.timestamp,
        is_group=row.is_group,
        verdict=Verdict(row.verdict),
        kind=row.kind,
    )


def _turn(row: Row[tuple[object, ...]]) -> Turn:
    return Turn(
        id=row.id,
        session=row.session,
        chat=row.chat,
        chat_id=row.chat_id,
        part=row.part,
        origin=TurnOrigin(row.origin),
        commands=commands_from_json(row.commands),
        state=TurnState(row.state),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
