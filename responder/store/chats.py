"""The chats for the page: search, read, pause, resume, opt in. Writes only the pause and the opt-out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, exists, func, or_, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.contract.events import EDIT, REACTION, REVOKE
from bridge.sql.database import SqlDatabase
from responder.errors import NoSuchChat
from responder.policy import OURS, Verdict
from responder.store.identities import surviving
from responder.store.marks import marks_of
from responder.store.rows import commands_from_json
from responder.store.schema import chats, conversations, identities, messages, turns, unix
from responder.turns import TurnState

#: Verdicts of newest messages that wait for no person.
_NOT_WAITING = (
    *OURS,
    Verdict.NOT_A_CONVERSATION,
    Verdict.BLOCKED,
    Verdict.OPT_OUT,
    Verdict.ORDER,
    Verdict.GROUP,
    Verdict.NOT_MENTIONED,
)
#: Whether the newest message of a chat is theirs, and no answer came after it.
_WAITS = exists(
    select(messages.c.id)
    .outerjoin(turns, turns.c.id == messages.c.turn_id)
    .where(
        messages.c.id == chats.c.last_message,
        messages.c.verdict.not_in(_NOT_WAITING),
        messages.c.turn_id.is_(None) | (turns.c.state == TurnState.FAILED),
    )
    .correlate(chats)
)
#: Maximum of persons that a search in the messages returns.
MOST_FOUND = 200


#: Names of the sessions that a caller may use; None: all.
Sessions = frozenset[str] | None
#: The newest message by hand.
_TAKEN = (
    select(messages.c.verdict, messages.c.timestamp)
    .where(messages.c.verdict.in_((Verdict.OWN, Verdict.OPERATOR)))
    .order_by(messages.c.id.desc())
    .limit(1)
)


class Show(StrEnum):
    ALL = "all"
    WAITING = "waiting"  # the newest message is theirs, and was not answered
    PAUSED = "paused"  # a person has taken over
    OPTED_OUT = "opted_out"


class ListPosition(NamedTuple):
    """Where a page of the list of chats ends: what orders the list, of its last chat."""

    last_at: float
    last_message: int
    id: int


@dataclass(frozen=True, slots=True)
class ChatSummary:
    """A chat in the list. Moments are unix seconds."""

    id: int
    session: str
    person: str
    name: str | None
    cliente_id: int
    is_group: bool
    last_at: float
    last_text: str
    last_role: str | None
    paused_until: float
    opted_out: bool
    waiting: bool
    #: The newest address, where answers go.
    chat: str
    #: The number of the newest message: the order of chats of one second.
    last_message: int
    #: Who answered last by hand, of those whose answer pauses: `own` on the phone, `operator` elsewhere; and when.
    taken_by: str | None = None
    taken_at: float = 0


@dataclass(frozen=True, slots=True)
class ConversationLine:
    """A message of a conversation. `state` and `error` are those of an answer's turn; `title` names its file, or its
    place."""

    id: int
    role: str
    origin: str
    text: str
    at: float
    verdict: str | None
    state: str | None
    error: str | None
    edited: bool = False
    revoked: bool = False
    reactions: tuple[str, ...] = ()
    kind: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class LegacyRow:
    """A row of the legacy listing."""

    person: str
    role: str
    text: str
    at: float
    cliente_id: int
    name: str | None


class Chats:
    """Every method raises DatabaseDown. The id of a merged chat stands for the one it was merged into."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def find(
        self,
        *,
        now: float,
        search: str = "",
        show: Show = Show.ALL,
        limit: int = 50,
        sessions: Sessions = None,
        after: ListPosition | None = None,
    ) -> list[ChatSummary]:
        """Chats, newest message first."""
        order = (chats.c.last_at, chats.c.last_message, chats.c.id)
        query = select(chats, _WAITS.label("waits")).order_by(*(column.desc() for column in order)).limit(limit)
        if after is not None:
            query = query.where(tuple_(*order) < tuple_(*after))
        match show:
            case Show.WAITING:
                query = query.where(_WAITS)
            case Show.PAUSED:
                query = query.where(chats.c.paused_until > now)
            case Show.OPTED_OUT:
                query = query.where(chats.c.opted_out_at.is_not(None))
            case Show.ALL:
                pass
        if search:
            query = query.where(_matches(search))
        query = query.where(_of(sessions))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
            newest = await _newest(connection, rows)
        return [_view(row, newest.get((row.cliente_id, row.telefono))) for row in rows]

    async def waiting(self, sessions: Sessions = None) -> int:
        """The number of chats whose newest message waits for an answer."""
        query = select(func.count()).select_from(chats).where(_WAITS, _of(sessions))
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def one(self, chat_id: int) -> ChatSummary:
        """One chat. Raises NoSuchChat."""
        async with self._database.read() as connection:
            kept = await surviving(connection, chat_id)
            query = select(chats, _WAITS.label("waits")).where(chats.c.id == kept)
            if (row := (await connection.execute(query)).one_or_none()) is None:
                raise NoSuchChat(f"There is no chat {chat_id}.")
            newest = await _newest(connection, [row])
            taken = (await connection.execute(_TAKEN.where(messages.c.chat_id == kept))).one_or_none()
        view = _view(row, newest.get((row.cliente_id, row.telefono)))
        return view if taken is None else replace(view, taken_by=taken.verdict, taken_at=taken.timestamp)

    async def at(self, session: str, addresses: Collection[str]) -> ChatSummary:
        """The chat that has one of these addresses. Raises NoSuchChat."""
        of_session = identities.c.session == session
        named = select(identities.c.chat_id).where(of_session, identities.c.name.in_(addresses)).limit(1)
        answered = select(chats.c.id).where(chats.c.session == session, chats.c.chat.in_(addresses)).limit(1)
        async with self._database.read() as connection:
            found = (await connection.execute(named)).scalar() or (await connection.execute(answered)).scalar()
        if found is None:
            raise NoSuchChat("The responder has recorded nothing of this chat.")
        return await self.one(int(found))

    async def lines(self, chat_id: int, *, before: int | None = None, limit: int = 50) -> list[ConversationLine]:
        """The newest messages, or those before a given one, oldest first. Raises NoSuchChat."""
        chat = await self.one(chat_id)
        query = (
            select(
                conversations,
                unix(conversations.c.created_at, self._database.is_sqlite).label("at"),
                messages.c.verdict,
                messages.c.message_id,
                messages.c.kind,
                messages.c.title,
                turns.c.state,
                turns.c.error,
                turns.c.commands,
            )
            .outerjoin(messages, (messages.c.conversation_id == conversations.c.id) & (messages.c.chat_id == chat.id))
            .outerjoin(turns, turns.c.conversation_id == conversations.c.id)
            .where(conversations.c.cliente_id == chat.cliente_id, conversations.c.telefono == chat.person)
            .order_by(conversations.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(conversations.c.id < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
            marks = await marks_of(connection, chat.session, [row.message_id for row in rows if row.message_id])
        return [
            ConversationLine(
                row.id,
                row.rol,
                row.origen_mensaje or "ia",
                row.mensaje or "",
                float(row.at or 0),
                row.verdict,
                row.state,
                row.error,
                EDIT in (found := marks.get(row.message_id, {})) and REVOKE not in found,
                REVOKE in found,
                tuple(found.get(REACTION, ())),
                *_kind_of(row),
            )
            for row in reversed(rows)
        ]

    async def pause(self, chat_id: int, until: float) -> int:
        """Answer nothing in this chat until a moment; 0 resumes it. Returns the id. Raises NoSuchChat."""
        return await self._change(chat_id, paused_until=until)

    async def opt_in(self, chat_id: int) -> int:
        """Remove an opt-out, for a person who asked for it outside the chat. Returns the id. Raises NoSuchChat."""
        return await self._change(chat_id, opted_out_at=None)

    async def opted_out(self) -> list[str]:
        """All known addresses of those who opted out, for programs that write to many people."""
        query = (
            select(identities.c.name)
            .join(chats, chats.c.id == identities.c.chat_id)
            .where(chats.c.opted_out_at.is_not(None))
            .order_by(identities.c.name)
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def _change(self, chat_id: int, **values: float | None) -> int:
        async with self._database.write() as connection:
            kept = await surviving(connection, chat_id)
            await connection.execute(update(chats).where(chats.c.id == kept).values(values))
        return kept

    async def newest(self, limit: int) -> list[LegacyRow]:
        """The newest messages of all chats, newest first: the legacy listing."""
        name = select(func.max(chats.c.name)).where(
            chats.c.telefono == conversations.c.telefono, chats.c.cliente_id == conversations.c.cliente_id
        )
        query = (
            select(
                conversations,
                unix(conversations.c.created_at, self._database.is_sqlite).label("at"),
                name.scalar_subquery().label("nom"),
            )
            .order_by(conversations.c.id.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return [
                LegacyRow(row.telefono, row.rol, row.mensaje or "", float(row.at or 0), row.cliente_id, row.nom)
                for row in rows
            ]


def _kind_of(row: Row[Any]) -> tuple[str | None, str | None]:
    """Kind and title of a message, or of the file that an answer is."""
    if row.commands is None:
        return row.kind, row.title
    for command in commands_from_json(row.commands):
        for kind, value in (command.content or {}).items():
            return kind, value.get("filename") or value.get("url")
    return None, None


def _of(sessions: Sessions) -> ColumnElement[bool]:
    return true() if sessions is None else chats.c.session.in_(sorted(sessions))


def _matches(search: str) -> ColumnElement[bool]:
    matching = select(conversations.c.telefono).where(conversations.c.mensaje.icontains(search, autoescape=True))
    # MySQL does not allow LIMIT directly inside IN
    found = matching.distinct().limit(MOST_FOUND).subquery()
    return or_(
        chats.c.name.icontains(search, autoescape=True),
        chats.c.telefono.icontains(search, autoescape=True),
        chats.c.telefono.in_(select(found.c.telefono)),
    )


async def _newest(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> dict[tuple[int, str], tuple[str, str]]:
    """Role and text of the newest message with each person."""
    people = {(row.cliente_id, row.telefono) for row in rows}
    newest = (
        select(func.max(conversations.c.id))
        .where(
            conversations.c.telefono.in_([person for _, person in people]),
            conversations.c.cliente_id.in_({client for client, _ in people}),
        )
        .group_by(conversations.c.cliente_id, conversations.c.telefono)
    )
    query = select(conversations).where(conversations.c.id.in_(newest))
    return {(row.cliente_id, row.telefono): (row.rol, row.mensaje or "") for row in await connection.execute(query)}


def _view(row: Row[Any], newest: tuple[str, str] | None) -> ChatSummary:
    role, text = newest or (None, "")
    return ChatSummary(
        id=row.id,
        session=row.session,
        person=row.telefono,
        name=row.name,
        cliente_id=row.cliente_id,
        is_group=row.is_group,
        last_at=row.last_at,
        last_text=text[:200],
        last_role=role,
        paused_until=row.paused_until,
        opted_out=row.opted_out_at is not None,
        waiting=bool(row.waits),
        chat=row.chat,
        last_message=row.last_message,
    )
