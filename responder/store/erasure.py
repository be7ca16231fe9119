"""Erases one person: conversations, messages, answers, the chat. A wish for no answers stays, with the address alone.

Without it who asked to be left alone would be answered again at the next message.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, func, or_, select, update

from bridge.contract.jid import Jid
from responder.store.database import ResponderDatabase
from responder.store.schema import chats, conversations, messages, turns


async def erase(database: ResponderDatabase, addresses: Collection[str], *, dry_run: bool = False) -> dict[str, int]:
    """Erase what is kept of a person, given by all addresses (`user@server`); returns how much of what.

    `wishes kept` counts chats of which the address and the moment of the wish stay. What they wrote in groups goes as
    far as ids of messages name them. Raises DatabaseDown.
    """
    people = [spelling for address in addresses for spelling in (address, Jid.parse(address).user)]
    async with database.write() as connection:
        theirs = select(chats.c.id).where(or_(chats.c.telefono.in_(people), chats.c.chat.in_(people)))
        ids = list((await connection.execute(theirs)).scalars())
        wrote = or_(
            messages.c.chat_id.in_(ids),
            *(messages.c.message_id.contains(f"_{address}", autoescape=True) for address in addresses),
        )
        answered = turns.c.chat_id.in_(ids) | turns.c.id.in_(select(messages.c.turn_id).where(wrote))
        said = or_(
            conversations.c.telefono.in_(people),
            conversations.c.id.in_(select(messages.c.conversation_id).where(wrote)),
            conversations.c.id.in_(select(turns.c.conversation_id).where(answered)),
        )
        wished = chats.c.id.in_(ids) & chats.c.opted_out_at.is_not(None)
        silent = chats.c.id.in_(ids) & chats.c.opted_out_at.is_(None)
        # in this order: each is found by what the next one still holds
        sweeps = (
            ("conversations", delete(conversations).where(said), said),
            ("answers", delete(turns).where(answered), answered),
            ("messages", delete(messages).where(wrote), wrote),
            ("chats", delete(chats).where(silent), silent),
            ("wishes kept", update(chats).where(wished).values(name=None, last_print=None, last_message=0), wished),
        )
        counts = {}
        for what, step, condition in sweeps:
            count = select(func.count()).select_from(step.table).where(condition)
            counts[what] = int((await connection.execute(count)).scalar_one())
            if not dry_run:
                await connection.execute(step)
    if not dry_run:
        await database.wipe()
    return counts
