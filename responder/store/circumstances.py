"""The circumstances at the moment of answering: switches, pauses, opt-outs and budgets, read together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from responder.chat_state import OperatorSettings, SwitchState
from responder.policy import Circumstances, Verdict, reconsider, takes_back
from responder.store.rows import COUNTED, UNREPEATED, NewTurn, Pending, commands_from_json, text_of
from responder.store.statements import ANSWERS, CHATS_NOW, RECENT_ANSWERS
from responder.store.switches import Switches
from responder.turns import TurnOrigin

#: Seconds over which answers are counted for the budgets.
BUDGET_HOUR = 3600.0


class CircumstanceReader:
    def __init__(self, operator: OperatorSettings, switches: Switches) -> None:
        self._operator = operator
        self._switches = switches

    def reconsider(self, pending: Pending, circumstances: Circumstances) -> Verdict:
        """Whether the message may still be answered. An order is confirmed regardless of the switches."""
        if pending.verdict is Verdict.ORDER:
            return Verdict.ANSWER
        is_open = self._operator.is_open(pending.timestamp)
        return reconsider(pending.timestamp, replace(circumstances, is_open=is_open), self._operator.policy)

    async def circumstances(
        self, connection: AsyncConnection, pending: Sequence[Pending], now: float
    ) -> dict[int, Circumstances]:
        ids = list({message.chat_id for message in pending})
        switches = await self._switches.state(connection)
        policy = self._operator.policy
        answers: dict[int, int] = {}
        if policy.chat_budget or policy.total_budget:
            counted = await connection.execute(ANSWERS, {"ids": ids, "since": now - BUDGET_HOUR})
            answers = {row[0]: row[1] for row in counted}
        rows = await connection.execute(CHATS_NOW, {"ids": ids})
        return {
            row.id: replace(
                _present(row, switches, now),
                answers_to_chat=answers.get(row.id, 0),
                answers_in_all=answers.get(0, 0),
            )
            for row in rows
        }

    async def stopped(self, connection: AsyncConnection, chat_ids: Collection[int], now: float) -> dict[int, Verdict]:
        """The chats among these whose answers are taken back, each with the verdict."""
        switches = await self._switches.state(connection)
        rows = await connection.execute(CHATS_NOW, {"ids": list(chat_ids)})
        found = {row.id: takes_back(_present(row, switches, now)) for row in rows}
        return {chat_id: verdict for chat_id, verdict in found.items() if verdict is not None}

    async def answered_before(self, connection: AsyncConnection, new: Sequence[NewTurn], now: float) -> AnswersBefore:
        """Recent answers to the chats of these turns."""
        window = self._operator.policy.duplicate_window
        day = self._operator.day_began(now)
        ids = list({turn.first.chat_id for turn in new})
        rows = (await connection.execute(RECENT_ANSWERS, {"ids": ids, "since": min(now - window, day)})).all()
        texts = {
            (row.chat_id, text_of(commands_from_json(row.commands))) for row in rows if row.created_at > now - window
        }
        closed = {row.chat_id for row in rows if row.origin == TurnOrigin.CLOSED and row.created_at >= day}
        return AnswersBefore(frozenset(texts), frozenset(closed))


def _present(row: Row[Any, Any, Any, Any], switches: SwitchState, now: float) -> Circumstances:
    """The circumstances of a row of `CHATS_NOW`, without its answers."""
    return Circumstances(
        now=now,
        active=switches.active,
        client_active=switches.clients.get(row.cliente_id),
        opted_out=row.opted_out_at is not None,
        paused_until=row.paused_until,
    )


@dataclass(frozen=True, slots=True)
class AnswersBefore:
    """`texts`: answers within the duplicate window, by chat. `closed`: chats that had the closed text today."""

    texts: frozenset[tuple[int, str]]
    closed: frozenset[int]

    def repeats(self, turn: NewTurn) -> Verdict | None:
        """The verdict against a turn that says what the chat was just answered."""
        if turn.origin is TurnOrigin.CLOSED:
            return Verdict.CLOSED if turn.first.chat_id in self.closed else None
        is_repeated = turn.origin in UNREPEATED and (turn.first.chat_id, turn.text) in self.texts
        return Verdict.DUPLICATE if is_repeated else None


def with_answers(present: Circumstances, chat_id: int, opened: Sequence[NewTurn]) -> Circumstances:
    """The circumstances after the turns that the same transaction opens."""
    counted = [turn for turn in opened if turn.origin in COUNTED]
    if not counted:
        return present
    to_chat = sum(turn.first.chat_id == chat_id for turn in counted)
    return replace(
        present,
        answers_in_all=present.answers_in_all + len(counted),
        answers_to_chat=present.answers_to_chat + to_chat,
    )
