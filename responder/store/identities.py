"""Which conversation a message belongs to: one for each person, whatever address and spelling the message came by.

`wa_identity` holds every name of the other side of a chat: number and LID in the form in which they are compared, and
the bridge's id of the person. Two chats that turn out to be one person's become the older one, in the transaction that
records the message; no row is lost but the second one of `wa_chat`. Its id stays a name (`#17`) of the older one, so
that a link to it still leads to the conversation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.contract.jid import Server
from bridge.contract.phone_numbers import canonical
from responder.chat_state import ChatState
from responder.errors import NoSuchChat
from responder.incoming import PersonLink, ReceivedMessage
from responder.store.rows import part_of
from responder.store.schema import chats, conversations, identities, messages, turns
from responder.store.statements import CHAT, CHATS, IDENTITIES, insert_rows

#: Reads of the identities before a chat that they name is given up: another process may merge at the same time.
READS = 3


@dataclass(slots=True)
class FoundChats:
    """The chats of a batch. `by_name` is complete for every chat in `states`; `merged` are ids that others became."""

    states: dict[int, ChatState]
    by_name: dict[str, int]
    merged: set[int] = field(default_factory=set)

    def of(self, message: ReceivedMessage) -> ChatState:
        return self.states[self.by_name[min(message.names, key=_rank)]]

    def names_of(self, people: Collection[str]) -> frozenset[str]:
        """All names of the people who have one of these."""
        theirs = {self.by_name[name] for name in people if name in self.by_name}
        return frozenset(name for name, chat_id in self.by_name.items() if chat_id in theirs)


async def chats_of(connection: AsyncConnection, batch: Sequence[ReceivedMessage | PersonLink]) -> FoundChats:
    """The chat of each message of one session; inserts new ones, and merges those of one person."""
    session = batch[0].session
    found = await _find(connection, session, batch)
    before = {chat_id: state.person for chat_id, state in found.states.items()}
    for item in batch:
        chat_id = await _settle(connection, session, found, item)
        if chat_id is None:
            continue
        if isinstance(item, ReceivedMessage):
            state = found.states[chat_id]
            state.person, state.chat = _person(state.person, item.person), item.chat
    for chat_id, state in found.states.items():
        if (old := before.get(chat_id)) is not None and old != state.person:
            await _rename_lines(connection, state.cliente_id, old, state.person)
    return found


async def surviving(connection: AsyncConnection, chat_id: int) -> int:
    """The id of a chat, or of the one that it was merged into. Raises NoSuchChat."""
    if (await connection.execute(select(chats.c.id).where(chats.c.id == chat_id))).first() is not None:
        return chat_id
    into = select(identities.c.chat_id).where(identities.c.name == _former(chat_id))
    if (kept := (await connection.execute(into)).scalar()) is None:
        raise NoSuchChat(f"There is no chat {chat_id}.")
    return int(kept)


async def all_ids(connection: AsyncConnection, chat_id: int) -> list[int]:
    """The id of a chat, and those of the chats that were merged into it."""
    former = select(identities.c.name).where(identities.c.chat_id == chat_id, identities.c.name.startswith("#"))
    return [chat_id, *(int(name[1:]) for name in (await connection.execute(former)).scalars())]


async def _find(connection: AsyncConnection, session: str, batch: Sequence[ReceivedMessage | PersonLink]) -> FoundChats:
    wanted = sorted({name for item in batch for name in item.names | item.people})
    states: dict[int, ChatState] = {}
    names: dict[str, int] = {}
    for _ in range(READS):
        found = await connection.execute(IDENTITIES, {"of_session": session, "names": wanted})
        names = {row.name: row.chat_id for row in found}
        ids = sorted(set(names.values()))
        states = {row.id: _state(row) for row in await connection.execute(CHATS, {"ids": ids})} if ids else {}
        if len(states) == len(ids):
            break
    return FoundChats(states, {name: chat_id for name, chat_id in names.items() if chat_id in states})


async def _settle(
    connection: AsyncConnection, session: str, found: FoundChats, item: ReceivedMessage | PersonLink
) -> int | None:
    """The chat of an item, once it is the only one with its names; None for a link between people without a chat."""
    lid = next((name for name in item.names if _is_lid(name)), None)
    candidates = {found.by_name[name] for name in item.names if name in found.by_name}
    if lid is not None:  # a number may pass to another owner, a LID never does
        for name, chat_id in list(found.by_name.items()):
            if _is_lid(name) and name != lid and chat_id in candidates and chat_id != found.by_name.get(lid):
                candidates.remove(chat_id)
                await _readdress(connection, found.states[chat_id], item, name)
    if candidates:
        kept, *others = sorted(candidates)
        for gone in others:
            await _merge(connection, session, found, kept, gone)
    elif isinstance(item, ReceivedMessage):
        kept = await _insert(connection, session, found, item)
    else:
        return None
    await _name(connection, session, found, kept, item.names)
    return kept


async def _readdress(
    connection: AsyncConnection, former: ChatState, item: ReceivedMessage | PersonLink, lid: str
) -> None:
    """The chat of a number's former owner is from now on where its LID leads."""
    if isinstance(item, ReceivedMessage) and former.chat == item.chat:
        former.chat = lid
        await connection.execute(update(chats).where(chats.c.id == former.id).values(chat=lid))


async def _insert(connection: AsyncConnection, session: str, found: FoundChats, message: ReceivedMessage) -> int:
    part = part_of(session, message.chat)
    addresses = {message.chat, *(name for name in message.names if "@" in name)}
    unnamed = CHAT.where(chats.c.session == session, chats.c.chat.in_(addresses)).order_by(chats.c.id)
    taken = set(found.states)
    rows = [row for row in await connection.execute(unnamed) if row.id not in taken]
    if rows:
        row = rows[0]
        found.states[row.id] = _state(row)  # of an earlier version that still runs beside this one
        return int(row.id)
    values = {
        "session": session,
        "chat": message.chat,
        "part": part,
        "telefono": message.person,
        "cliente_id": message.cliente_id,
        "is_group": message.facts.is_group,
    }
    [chat_id] = await insert_rows(connection, chats, [values])
    found.states[chat_id] = ChatState(chat_id, message.person, message.cliente_id, message.chat, part)
    return chat_id


async def _name(
    connection: AsyncConnection, session: str, found: FoundChats, chat_id: int, names: Iterable[str]
) -> None:
    fresh = sorted(name for name in names if found.by_name.get(name) != chat_id)
    taken = [name for name in fresh if name in found.by_name]
    found.by_name |= dict.fromkeys(fresh, chat_id)
    if taken:
        of_these = (identities.c.session == session) & identities.c.name.in_(taken)
        await connection.execute(update(identities).where(of_these).values(chat_id=chat_id))
    if rows := [{"session": session, "name": name, "chat_id": chat_id} for name in fresh if name not in taken]:
        await connection.execute(insert(identities), rows)


async def _merge(connection: AsyncConnection, session: str, found: FoundChats, kept_id: int, gone_id: int) -> None:
    kept, gone = found.states[kept_id], found.states.pop(gone_id)
    for table in (messages, turns):
        moved = update(table).where(table.c.chat_id == gone_id)
        await connection.execute(moved.values(chat_id=kept_id, part=kept.part))
    await connection.execute(update(identities).where(identities.c.chat_id == gone_id).values(chat_id=kept_id))
    await connection.execute(delete(chats).where(chats.c.id == gone_id))
    found.by_name = {name: kept_id if chat_id == gone_id else chat_id for name, chat_id in found.by_name.items()}
    await _name(connection, session, found, kept_id, [_former(gone_id)])
    found.merged.add(kept_id)
    found.merged.discard(gone_id)
    clients, names = {kept.cliente_id, gone.cliente_id}, {kept.person, gone.person}
    kept.absorb(gone)
    kept.person = _person(kept.person, gone.person)
    for old in names - {kept.person}:
        for client in clients:
            await _rename_lines(connection, client, old, kept.person)


async def _rename_lines(connection: AsyncConnection, client: int, old: str, new: str) -> None:
    whose = (conversations.c.cliente_id == client) & (conversations.c.telefono == old)
    await connection.execute(update(conversations).where(whose).values(telefono=new))


def _state(row: Row[Any]) -> ChatState:
    return ChatState(
        row.id,
        row.telefono,
        row.cliente_id,
        row.chat,
        row.part,
        row.name,
        row.paused_until,
        row.opted_out_at,
        row.last_print,
        row.last_at,
        row.last_message,
        row.last_verdict,
    )


def _person(known: str, new: str) -> str:
    """What the conversation is recorded under: a number rather than an address, and the first of its spellings."""
    if not new.isdecimal() or (known.isdecimal() and canonical(known) == canonical(new)):
        return known
    return new


def _former(chat_id: int) -> str:
    """The name that the id of a merged chat becomes; no address begins like it."""
    return f"#{chat_id}"


def _is_lid(name: str) -> bool:
    return name.endswith(f"@{Server.LID}")


def _rank(name: str) -> tuple[bool, str]:
    return not _is_lid(name), name
