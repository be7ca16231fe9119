"""The circumstances at the moment of answering: switches, pauses, opt-outs and budgets, read together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from responder.chat_state import OperatorSettings
from responder.policy import Circumstances, Verdict, reconsider
from responder.store.rows import COUNTED, NewTurn, Pending
from responder.store.statements import ANSWERS, CHATS_NOW
from responder.store.switches import Switches

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
            row.id: Circumstances(
                now=now,
                active=switches.active,
                client_active=switches.clients.get(row.cliente_id),
                opted_out=row.opted_out_at is not None,
                paused_until=row.paused_until,
                answers_to_chat=answers.get(row.id, 0),
                answers_in_all=answers.get(0, 0),
            )
            for row in rows
        }


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
