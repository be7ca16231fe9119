"""The statements that every message goes through, built once.

SQLAlchemy compiles a statement once, but builds and looks up a new one each time: measured at half of the time that a
message takes. What is asked rarely is built where it is asked.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, func, insert, literal, select, union_all, update

from responder.policy import Verdict
from responder.store.rows import COUNTED, OPEN
from responder.store.schema import chats, cursors, leases, messages, turns


def _among(name: str) -> ColumnElement[object]:
    return bindparam(name, expanding=True)


#: `names`: owner and fence of leases, locked against a change of hands until the end of the transaction.
LEASES = (
    select(leases.c.name, leases.c.owner, leases.c.fence)
    .where(leases.c.name.in_(_among("names")))
    .order_by(leases.c.name)
    .with_for_update(read=True)
)
#: `session`, `addresses`.
CHATS = select(chats).where(chats.c.session == bindparam("session"), chats.c.chat.in_(_among("addresses")))
CHAT_FIELDS = (
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
#: `rows`: those messages that nobody has answered or refused meanwhile.
_STILL_OPEN = messages.c.id.in_(_among("rows")) & messages.c.turn_id.is_(None) & messages.c.verdict.in_(OPEN)
STILL_OPEN = select(messages.c.id).where(_STILL_OPEN).with_for_update()
#: `rows`, `reason`.
REFUSE = update(messages).where(_STILL_OPEN).values(verdict=bindparam("reason"))
NEW_TURN = insert(turns)
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
#: `ids`: what may keep a chat from being answered.
CHATS_NOW = select(chats.c.id, chats.c.cliente_id, chats.c.paused_until, chats.c.opted_out_at).where(
    chats.c.id.in_(_among("ids"))
)
_COUNTED = (turns.c.created_at > bindparam("since")) & turns.c.origin.in_(COUNTED)
#: `ids`, `since`: answers to each chat, and under 0 to all.
ANSWERS = union_all(
    select(turns.c.chat_id, func.count()).where(_COUNTED, turns.c.chat_id.in_(_among("ids"))).group_by(turns.c.chat_id),
    select(literal(0), func.count()).select_from(turns).where(_COUNTED),
)
