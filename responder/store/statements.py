"""The statements that every message needs, built once.

SQLAlchemy caches a compiled statement, but building and looking up a new one took half of the time of a message
(measured). Rare statements are built where they are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, insert, literal, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from responder.policy import Verdict
from responder.store.rows import COUNTED, OPEN
from responder.store.schema import chats, cursors, identities, leases, messages, turns
from responder.turns import TurnState


def _among(name: str) -> ColumnElement[object]:
    return bindparam(name, expanding=True)


#: `names`: owner and fence of leases, locked against a new owner until the transaction ends.
LEASES = (
    select(leases.c.name, leases.c.owner, leases.c.fence)
    .where(leases.c.name.in_(_among("names")))
    .order_by(leases.c.name)
    .with_for_update(read=True)
)
_OF_SESSION = identities.c.session == bindparam("of_session")
#: `of_session`, `names`: every name of the chats that have one of these.
IDENTITIES = select(identities.c.name, identities.c.chat_id).where(
    _OF_SESSION,
    identities.c.chat_id.in_(select(identities.c.chat_id).where(_OF_SESSION, identities.c.name.in_(_among("names")))),
)
#: Rows of chats, each with the verdict on its newest message.
CHAT = select(
    chats,
    select(messages.c.verdict).where(messages.c.id == chats.c.last_message).scalar_subquery().label("last_verdict"),
)
#: `ids`: locked until the transaction ends, so that none is merged into another meanwhile.
CHATS = CHAT.where(chats.c.id.in_(_among("ids"))).order_by(chats.c.id).with_for_update()
CHAT_FIELDS = (
    "chat",
    "telefono",
    "cliente_id",
    "name",
    "paused_until",
    "opted_out_at",
    "last_print",
    "last_at",
    "last_message",
)
#: `row` and each of `CHAT_FIELDS`.
CHANGE_CHAT = (
    update(chats).where(chats.c.id == bindparam("row")).values({name: bindparam(name) for name in CHAT_FIELDS})
)
#: `of_session`, `of_stream`, `epoch`, `seq`.
MOVE_CURSOR = (
    update(cursors)
    .where(cursors.c.session == bindparam("of_session"), cursors.c.stream == bindparam("of_stream"))
    .values(epoch=bindparam("epoch"), seq=bindparam("seq"))
)
CURSOR = select(cursors.c.epoch, cursors.c.seq).where(
    cursors.c.session == bindparam("of_session"), cursors.c.stream == bindparam("of_stream")
)
#: `rows`: the messages among them that are still neither answered nor refused.
_STILL_OPEN = messages.c.id.in_(_among("rows")) & messages.c.turn_id.is_(None) & messages.c.verdict.in_(OPEN)
STILL_OPEN = select(messages.c.id, messages.c.chat_id).where(_STILL_OPEN).with_for_update()
#: `rows`, `reason`.
REFUSE = update(messages).where(_STILL_OPEN).values(verdict=bindparam("reason"))
NEW_TURN = insert(turns)
#: `ids`: chats that were answered; the same text is a new question then.
SPOKEN = update(chats).where(chats.c.id.in_(_among("ids"))).values(last_print=None)
#: `row`, `turn`.
ANSWERED = (
    update(messages)
    .where(messages.c.id == bindparam("row"))
    .values(turn_id=bindparam("turn"), verdict=Verdict.ANSWERED)
)
#: `row`, `outcome`, `reason`.
FINISH_TURN = (
    update(turns).where(turns.c.id == bindparam("row")).values(state=bindparam("outcome"), error=bindparam("reason"))
)
#: `ids`: the state of chats that may prevent an answer.
CHATS_NOW = select(chats.c.id, chats.c.cliente_id, chats.c.paused_until, chats.c.opted_out_at).where(
    chats.c.id.in_(_among("ids"))
)
_COUNTED = (turns.c.created_at > bindparam("since")) & turns.c.origin.in_(COUNTED)
#: `ids`, `since`: number of answers to each chat, and under 0 to all.
ANSWERS = union_all(
    select(turns.c.chat_id, func.count()).where(_COUNTED, turns.c.chat_id.in_(_among("ids"))).group_by(turns.c.chat_id),
    select(literal(0), func.count()).select_from(turns).where(_COUNTED),
)
#: `ids`, `since`: the answers to chats that were sent, or may have been.
RECENT_ANSWERS = select(turns.c.chat_id, turns.c.origin, turns.c.commands, turns.c.created_at).where(
    turns.c.chat_id.in_(_among("ids")), turns.c.created_at > bindparam("since"), turns.c.state != TurnState.FAILED
)


async def insert_rows(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows and return their ids in the same order. The table's key is `id`, assigned by the database.

    One statement on SQLite and MariaDB; one per row on MySQL, which has no RETURNING.
    """
    if not rows:
        return []
    if connection.dialect.insert_executemany_returning:
        return list((await connection.execute(_returning(table), rows)).scalars())
    results = [await connection.execute(insert(table), row) for row in rows]
    return [int(key[0]) for result in results if (key := result.inserted_primary_key) is not None]


@cache
def _returning(table: Table) -> ReturningInsert[int]:
    return insert(table).returning(table.c.id, sort_by_parameter_order=True)
