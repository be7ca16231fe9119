"""What was done to recorded messages, and where their files are. An edit or a revocation changes the recorded text.

The streams have no common order: a mark may be there before its message.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.contract.events import EDIT, MEDIA, REACTION, REVOKE
from responder.incoming import MessageMark
from responder.store.schema import conversations, marks, messages


async def keep(connection: AsyncConnection, found: Sequence[MessageMark]) -> set[int]:
    """Store marks and change the texts of their messages; returns the ids of the chats that changed."""
    return {chat for mark in found if (chat := await _keep(connection, mark)) is not None}


async def texts_of(connection: AsyncConnection, session: str, message_ids: Collection[str]) -> dict[str, str]:
    """The newest texts of those messages whose edit or revocation came before them."""
    query = (
        select(marks.c.message_id, marks.c.body)
        .where(marks.c.session == session, marks.c.message_id.in_(message_ids), marks.c.kind.in_((EDIT, REVOKE)))
        .order_by(marks.c.kind)  # a revocation comes last
    )
    return {row.message_id: row.body for row in await connection.execute(query)}


async def file_of(connection: AsyncConnection, session: str, message_id: str) -> str | None:
    """The link to a message's file, or its state; None while that is not known."""
    of_message = (marks.c.session == session) & (marks.c.message_id == message_id) & (marks.c.kind == MEDIA)
    return (await connection.execute(select(marks.c.body).where(of_message))).scalar()


async def was_revoked(connection: AsyncConnection, session: str, message_id: str) -> bool:
    """Whether a message was deleted for everyone."""
    of_message = (marks.c.session == session) & (marks.c.message_id == message_id) & (marks.c.kind == REVOKE)
    return (await connection.execute(select(marks.c.id).where(of_message))).first() is not None


async def marks_of(
    connection: AsyncConnection, session: str, message_ids: Collection[str]
) -> dict[str, dict[str, list[str]]]:
    """The marks of messages: message id -> kind -> bodies, in the order in which they came."""
    query = select(marks).where(marks.c.session == session, marks.c.message_id.in_(message_ids)).order_by(marks.c.id)
    found: dict[str, dict[str, list[str]]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.message_id, {}).setdefault(row.kind, []).append(row.body)
    return found


async def _keep(connection: AsyncConnection, mark: MessageMark) -> int | None:
    forms = sorted(mark.forms)
    query = select(messages).where(messages.c.session == mark.session, messages.c.message_id.in_(forms))
    message = (await connection.execute(query)).first()
    of_message = (marks.c.session == mark.session) & marks.c.message_id.in_(forms)
    replaced = [EDIT, MEDIA, REVOKE] if mark.kind == REVOKE else [mark.kind]  # what was before a revocation is erased
    before = of_message & marks.c.kind.in_(replaced) & (marks.c.author == mark.author)
    await connection.execute(delete(marks).where(before))
    if mark.kind != REACTION or mark.body:
        values = {"kind": mark.kind, "author": mark.author, "body": mark.body, "at": mark.at}
        message_id = message.message_id if message else mark.message_id
        await connection.execute(insert(marks).values(session=mark.session, message_id=message_id, **values))
    if message is None:
        return None
    if mark.kind in (EDIT, REVOKE):
        line = conversations.c.id == message.conversation_id
        await connection.execute(update(conversations).where(line).values(mensaje=mark.body))
    return int(message.chat_id)
