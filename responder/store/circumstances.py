"""How things stand at the moment of answering: switches, pauses, wishes and budgets, read together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from responder.policy import Circumstances, Verdict, reconsider
from responder.recording import House
from responder.store.rows import NewTurn, Pending
from responder.store.schema import chats, turns
from responder.store.switches import Switches
from responder.turns import Origin

#: Seconds over which answers are counted for the budgets.
BUDGET_HOUR = 3600.0
#: Whose answers count.
COUNTED = (Origin.RULE, Origin.MODEL)


class Moment:
    """Reads circumstances."""

    def __init__(self, house: House, switches: Switches) -> None:
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
        """By chat."""
        ids = {pending.chat_id for pending in asked}
        standing = await self._switches.standing(connection)
        to_chat: dict[int, int] = {}
        in_all = 0
        policy = self._house.policy
        counted = (turns.c.created_at > now - BUDGET_HOUR) & turns.c.origin.in_(COUNTED)
        if policy.chat_budget:
            query = (
                select(turns.c.chat_id, func.count()).where(counted, turns.c.chat_id.in_(ids)).group_by(turns.c.chat_id)
            )
            to_chat = {row[0]: row[1] for row in await connection.execute(query)}
        if policy.total_budget:
            in_all = (await connection.execute(select(func.count()).select_from(turns).where(counted))).scalar_one()
        rows = await connection.execute(
            select(chats.c.id, chats.c.cliente_id, chats.c.paused_until, chats.c.opted_out_at).where(
                chats.c.id.in_(ids)
            )
        )
        return {
            row.id: Circumstances(
                now=now,
                active=standing.active,
                client_active=standing.clients.get(row.cliente_id),
                opted_out=row.opted_out_at is not None,
                paused_until=row.paused_until,
                answers_to_chat=to_chat.get(row.id, 0),
                answers_in_all=in_all,
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
