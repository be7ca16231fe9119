"""How things stand at the moment of answering: switches, pauses, wishes and budgets, read together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from responder.policy import Circumstances, Verdict, reconsider
from responder.recorder import OperatorSettings
from responder.store.rows import COUNTED, NewTurn, Pending
from responder.store.statements import ANSWERS, CHATS_NOW
from responder.store.switches import Switches

#: Seconds over which answers are counted for the budgets.
BUDGET_HOUR = 3600.0


class CircumstanceReader:
    def __init__(self, house: OperatorSettings, switches: Switches) -> None:
        self._house = house
        self._switches = switches

    def reconsider(self, pending: Pending, circumstances: Circumstances) -> Verdict:
        """Whether the message may still be answered; an order is confirmed whatever the switches say."""
        if pending.verdict is Verdict.ORDER:
            return Verdict.ANSWER
        is_open = self._house.is_open(pending.timestamp)
        return reconsider(pending.timestamp, replace(circumstances, is_open=is_open), self._house.policy)

    async def circumstances(
        self, connection: AsyncConnection, asked: Sequence[Pending], now: float
    ) -> dict[int, Circumstances]:
        ids = list({pending.chat_id for pending in asked})
        standing = await self._switches.standing(connection)
        policy = self._house.policy
        answers: dict[int, int] = {}
        if policy.chat_budget or policy.total_budget:
            counted = await connection.execute(ANSWERS, {"ids": ids, "since": now - BUDGET_HOUR})
            answers = {row[0]: row[1] for row in counted}
        rows = await connection.execute(CHATS_NOW, {"ids": ids})
        return {
            row.id: Circumstances(
                now=now,
                active=standing.active,
                client_active=standing.clients.get(row.cliente_id),
                opted_out=row.opted_out_at is not None,
                paused_until=row.paused_until,
                answers_to_chat=answers.get(row.id, 0),
                answers_in_all=answers.get(0, 0),
            )
            for row in rows
        }


def with_answers(present: Circumstances, chat_id: int, opened: Sequence[NewTurn]) -> Circumstances:
    """The circumstances after turns that are being opened in the same transaction."""
    counted = [turn for turn in opened if turn.origin in COUNTED]
    if not counted:
        return present
    to_chat = sum(turn.first.chat_id == chat_id for turn in counted)
    return replace(
        present,
        answers_in_all=present.answers_in_all + len(counted),
        answers_to_chat=present.answers_to_chat + to_chat,
    )
