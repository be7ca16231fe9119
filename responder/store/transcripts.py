"""The text of a voice message in the store: recorded once, and decided as if it had been written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.contract.kinds import Text
from bridge.sql.database import SqlDatabase
from responder.chat_state import OperatorSettings, judge
from responder.incoming import ReceivedMessage
from responder.policy import Facts, Verdict
from responder.store.identities import chats_of
from responder.store.marks import file_of, was_revoked
from responder.store.recorder import Recorded, write_chats
from responder.store.rows import OPEN, Pending
from responder.store.schema import chats, conversations, identities, messages
from responder.store.statements import REFUSE
from responder.store.switches import Switches


class Transcripts:
    """`now` is the clock by which ages are judged, in unix seconds. Every method raises DatabaseDown."""

    def __init__(
        self, database: SqlDatabase, operator: OperatorSettings, switches: Switches, now: Callable[[], float]
    ) -> None:
        self._database = database
        self._operator = operator
        self._switches = switches
        self._now = now

    async def file_of(self, pending: Pending) -> str | None:
        """The link to its file, or the state of one that is not here; None while that is not known."""
        async with self._database.read() as connection:
            return await file_of(connection, pending.session, pending.message_id)

    async def refuse(self, pending: Pending, verdict: Verdict) -> None:
        """Write a final verdict; the message stays a voice message."""
        async with self._database.write() as connection:
            await connection.execute(REFUSE, {"rows": [pending.id], "reason": verdict})

    async def record(self, pending: Pending, text: str) -> Recorded | None:
        """Record the text and the verdict on it, in one transaction. None: another process has done so."""
        async with self._database.write() as connection:
            message = await self._as_written(connection, pending, text)
            if message is None:
                return None
            # the chat is locked before its message, as where messages are recorded
            state = (await chats_of(connection, [message])).of(message)
            row = (
                await connection.execute(select(messages).where(messages.c.id == pending.id).with_for_update())
            ).one_or_none()
            if row is None or row.verdict != Verdict.TRANSCRIBE:
                return None
            if await was_revoked(connection, pending.session, pending.message_id):
                await connection.execute(REFUSE, {"rows": [pending.id], "reason": Verdict.EMPTY})
                return [], {state.id}
            switches = await self._switches.state(connection)
            was_active, before = switches.active, state.last_print
            verdict = judge(message, state, switches, self._operator, self._now())
            if state.last_message != pending.id:
                state.last_print = before  # of a message that came later
            await connection.execute(update(messages).where(messages.c.id == pending.id).values(verdict=verdict))
            if text:
                line = conversations.c.id == row.conversation_id
                await connection.execute(update(conversations).where(line).values(mensaje=text))
            await write_chats(connection, [state])
            if switches.active != was_active:
                await self._switches.write_active(connection, switches.active)
        spoken = replace(pending, body=text, verdict=verdict, chat_id=state.id, part=state.part, person=state.person)
        return [spoken] if verdict in OPEN else [], {state.id}

    async def _as_written(self, connection: AsyncConnection, pending: Pending, text: str) -> ReceivedMessage | None:
        """The message with its text; the author of one in a group was judged when it came."""
        query = select(messages.c.chat_id).where(messages.c.id == pending.id)
        chat = (await connection.execute(select(chats).where(chats.c.id == query.scalar_subquery()))).one_or_none()
        if chat is None:
            return None
        known = await connection.execute(select(identities.c.name).where(identities.c.chat_id == chat.id))
        names = frozenset(name for name in known.scalars() if not name.startswith("#")) or frozenset({chat.chat})
        facts = Facts(
            text,
            Text.kind,
            pending.timestamp,
            names,
            is_group=chat.is_group,
            mentions_account=True,
        )
        return ReceivedMessage(
            session=pending.session,
            message_id=pending.message_id,
            chat=chat.chat,
            person=chat.telefono,
            cliente_id=chat.cliente_id,
            name=None,
            sent_by=None,
            facts=facts,
            names=names,
        )
