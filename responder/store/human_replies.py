"""A person's answer from the page: recorded as theirs, pauses the chat, and is sent as a turn like any other."""

from __future__ import annotations

import hashlib

from sqlalchemy import insert, select, update

from bridge.sql.database import SqlDatabase
from responder.errors import NoSuchChat
from responder.policy import Verdict
from responder.store.identities import all_ids, surviving
from responder.store.rows import QueuedAnswer, Turn, commands_from_json, commands_to_json
from responder.store.schema import chats, conversations, messages, turns
from responder.store.statements import insert_rows
from responder.turns import TurnOrigin, TurnState, command_ids


class HumanReplies:
    """`pause`: seconds without automatic answers in the chat after a person's answer."""

    def __init__(self, database: SqlDatabase, pause: float) -> None:
        self._database = database
        self._pause = pause

    async def open(self, chat_id: int, text: str, request: str, *, now: float, expires_at: float) -> Turn:
        """Record an answer; the same `request` again is the same turn, also after its chat was merged into another.

        Raises NoSuchChat, DatabaseDown.
        """
        async with self._database.write() as connection:
            chat_id = await surviving(connection, chat_id)
            name, *former = [_name_of(request, one) for one in await all_ids(connection, chat_id)]
            chat = (
                await connection.execute(select(chats).where(chats.c.id == chat_id).with_for_update())
            ).one_or_none()
            if chat is None:
                raise NoSuchChat(f"There is no chat {chat_id}.")
            where = (turns.c.session == chat.session) & (turns.c.first_message.in_([name, *former]))
            existing = (await connection.execute(select(turns).where(where))).one_or_none()
            if existing is not None:
                return Turn(
                    existing.id,
                    chat.session,
                    chat.chat,
                    chat_id,
                    chat.part,
                    TurnOrigin.HUMAN,
                    commands_from_json(existing.commands),
                    TurnState(existing.state),
                    existing.created_at,
                    existing.expires_at,
                )
            line = {
                "cliente_id": chat.cliente_id,
                "telefono": chat.telefono,
                "rol": "assistant",
                "origen_mensaje": "humano",
                "pauso_ia": 1,
                "mensaje": text,
            }
            [line_id] = await insert_rows(connection, conversations, [line])
            common = {"session": chat.session, "chat_id": chat_id, "part": chat.part, "conversation_id": line_id}
            message = {**common, "message_id": name, "verdict": Verdict.OPERATOR, "timestamp": now}
            [row_id] = await insert_rows(connection, messages, [message])
            [command_id] = command_ids(chat.session, name, 1)
            turn = Turn(
                row_id,
                chat.session,
                chat.chat,
                chat_id,
                chat.part,
                TurnOrigin.HUMAN,
                (QueuedAnswer(command_id, text),),
                TurnState.READY,
                now,
                expires_at,
            )
            await connection.execute(
                insert(turns).values(
                    id=row_id,
                    first_message=name,
                    origin=TurnOrigin.HUMAN,
                    commands=commands_to_json(turn.commands),
                    state=TurnState.READY,
                    created_at=now,
                    expires_at=expires_at,
                    **common,
                )
            )
            until = max(chat.paused_until, now + self._pause)  # a longer pause, or one without an end, stays
            await connection.execute(
                update(chats)
                .where(chats.c.id == chat_id)
                .values(paused_until=until, last_at=now, last_message=row_id, last_print=None)
            )
            return turn


def _name_of(request: str, chat_id: int) -> str:
    return "reply-" + hashlib.sha256(f"{chat_id}\n{request}".encode()).hexdigest()[:40]
