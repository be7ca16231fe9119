"""Erases one person: conversations, messages, answers, the chat. An opt-out stays, with the addresses alone.

Without it a person who opted out would be answered again at the next message.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, func, or_, select, update

from bridge.contract.jid import Jid, canonical_address
from bridge.sql.database import SqlDatabase
from responder.store.schema import chats, conversations, identities, marks, messages, turns


async def erase(database: SqlDatabase, addresses: Collection[str], *, dry_run: bool = False) -> dict[str, int]:
    """Erase a person, given by all their addresses (`user@server`); returns the number of rows of each kind.

    `opt-outs kept` counts chats whose addresses and moment of opt-out stay. Messages in groups are erased where the
    message id names the author. Raises DatabaseDown.
    """
    people = [spelling for address in addresses for spelling in (address, Jid.parse(address).user)]
    named = identities.c.name.in_({canonical_address(address) for address in addresses})
    async with database.write() as connection:
        theirs = select(chats).where(
            or_(
                chats.c.telefono.in_(people),
                chats.c.chat.in_(people),
                chats.c.id.in_(select(identities.c.chat_id).where(named)),
            )
        )
        found = [row for row in await connection.execute(theirs) if not row.is_group]
        ids = [row.id for row in found]
        known = select(identities.c.name).where(identities.c.chat_id.in_(ids))
        addresses = {*addresses, *(name for name in (await connection.execute(known)).scalars() if "@" in name)}
        people += [*addresses, *(Jid.parse(name).user for name in addresses), *(row.telefono for row in found)]
        authored = or_(
            messages.c.chat_id.in_(ids),
            *(messages.c.message_id.contains(f"_{address}", autoescape=True) for address in addresses),
        )
        answered = turns.c.chat_id.in_(ids) | turns.c.id.in_(select(messages.c.turn_id).where(authored))
        marked = or_(
            marks.c.author.in_(addresses),
            marks.c.message_id.in_(select(messages.c.message_id).where(authored)),
            *(marks.c.message_id.contains(f"_{address}", autoescape=True) for address in addresses),
        )
        spoken = or_(
            conversations.c.telefono.in_(people),
            conversations.c.id.in_(select(messages.c.conversation_id).where(authored)),
            conversations.c.id.in_(select(turns.c.conversation_id).where(answered)),
        )
        opted_out = chats.c.id.in_(ids) & chats.c.opted_out_at.is_not(None)
        others = chats.c.id.in_(ids) & chats.c.opted_out_at.is_(None)
        unneeded = identities.c.chat_id.in_(ids) & identities.c.chat_id.not_in(select(chats.c.id))
        anonymized = update(chats).where(opted_out).values(name=None, last_print=None, last_message=0)
        # in this order: each condition reads tables that later steps delete from
        sweeps = (
            ("conversations", delete(conversations).where(spoken), spoken),
            ("answers", delete(turns).where(answered), answered),
            ("marks", delete(marks).where(marked), marked),
            ("messages", delete(messages).where(authored), authored),
            ("chats", delete(chats).where(others), others),
            ("opt-outs kept", anonymized, opted_out),
        )
        counts = {}
        for kind, step, condition in sweeps:
            count = select(func.count()).select_from(step.table).where(condition)
            counts[kind] = int((await connection.execute(count)).scalar_one())
            if not dry_run:
                await connection.execute(step)
        if not dry_run:
            await connection.execute(delete(identities).where(unneeded))
    if not dry_run:
        await database.wipe()
    return counts
