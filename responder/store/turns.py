"""Turns in the store: opened once for each message, and finished with what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from responder.policy import Verdict
from responder.store import fences
from responder.store.circumstances import CircumstanceReader, with_answers
from responder.store.database import ResponderDatabase
from responder.store.inserts import insert_rows
from responder.store.rows import Lease, NewTurn, Pending, Turn, chats_lease, commands_to_json
from responder.store.schema import conversations, turns
from responder.store.statements import ANSWERED, FINISH_TURN, NEW_TURN, REFUSE, STILL_OPEN
from responder.turns import TurnOrigin, TurnState


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a turn."""

    id: int
    state: TurnState
    error: str | None = None


class Turns:
    """What is written of turns."""

    def __init__(self, database: ResponderDatabase, moment: CircumstanceReader) -> None:
        self._database = database
        self._moment = moment

    async def verdict(self, pending: Pending, now: float) -> Verdict:
        """Whether the message may still be answered. Raises DatabaseDown."""
        async with self._database.read() as connection:
            [circumstances] = (await self._moment.circumstances(connection, [pending], now)).values()
        return self._moment.reconsider(pending, circumstances)

    async def open(self, new: Sequence[NewTurn], held: Sequence[Lease], now: float) -> list[Turn | Verdict | None]:
        """Record turns in one transaction: each is a turn, the verdict against it, or None where it is not ours.

        Not ours: its part is under none of the leases, or not any more, or a message of it has got its turn or its
        verdict from somebody else. Raises DatabaseDown.
        """
        async with self._database.write() as connection:
            lost = await fences.lost_among(connection, held)
            ours = {lease.name for lease in held} - lost
            there = await _still_open(connection, [pending for turn in new for pending in turn.asked])
            circumstances = await self._moment.circumstances(connection, [turn.asked[-1] for turn in new], now)
            outcomes: list[Turn | Verdict | None] = []
            opened: list[NewTurn] = []
            for turn in new:
                present = circumstances[turn.first.chat_id]
                verdict = self._moment.reconsider(turn.asked[-1], with_answers(present, turn.first.chat_id, opened))
                if chats_lease(turn.first.part) not in ours or not there.issuperset(one.id for one in turn.asked):
                    outcomes.append(None)
                elif verdict is not Verdict.ANSWER:
                    await _set_verdict(connection, turn.asked, verdict)
                    outcomes.append(verdict)
                else:
                    opened.append(turn)
                    outcomes.append(_turn(turn, now))
            await _write(connection, opened, now)
            return outcomes

    async def finish(self, finished: Sequence[Finished]) -> None:
        """Note what became of turns. Raises DatabaseDown."""
        async with self._database.write() as connection:
            await connection.execute(
                FINISH_TURN,
                [{"row": one.id, "outcome": one.state, "reason": one.error and one.error[:64]} for one in finished],
            )

    async def claim(self, turn: Turn) -> bool:
        """Take a turn that can be sent once only out of `ready`; False where somebody did. Raises DatabaseDown."""
        async with self._database.write() as connection:
            taken = await connection.execute(
                update(turns)
                .where(turns.c.id == turn.id, turns.c.state == TurnState.READY)
                .values(state=TurnState.UNKNOWN)
            )
        return bool(taken.rowcount)

    async def refuse(self, asked: Sequence[Pending], verdict: Verdict) -> None:
        """Give messages a verdict other than an answer. Raises DatabaseDown."""
        async with self._database.write() as connection:
            await _set_verdict(connection, asked, verdict)


async def _still_open(connection: AsyncConnection, asked: Sequence[Pending]) -> set[int]:
    """Those that nobody has answered or refused meanwhile, locked to the end of the transaction."""
    found = await connection.execute(STILL_OPEN, {"rows": [pending.id for pending in asked]})
    return set(found.scalars())


async def _write(connection: AsyncConnection, opened: Sequence[NewTurn], now: float) -> None:
    if not opened:
        return
    said = [
        {
            "cliente_id": turn.first.cliente_id,
            "telefono": turn.first.person,
            "rol": "assistant",
            "origen_mensaje": "sistema" if turn.origin is TurnOrigin.ORDER else "ia",
            "mensaje": turn.text,
        }
        for turn in opened
    ]
    said_ids = await insert_rows(connection, conversations, said)
    rows = [
        {
            "id": turn.first.id,
            "session": turn.first.session,
            "first_message": turn.first.message_id,
            "chat_id": turn.first.chat_id,
            "part": turn.first.part,
            "conversation_id": said_id,
            "origin": turn.origin,
            "commands": commands_to_json(turn.commands),
            "state": TurnState.READY,
            "created_at": now,
            "expires_at": turn.expires_at,
        }
        for turn, said_id in zip(opened, said_ids, strict=True)
    ]
    await connection.execute(NEW_TURN, rows)
    await connection.execute(
        ANSWERED, [{"row": one.id, "turn": turn.first.id} for turn in opened for one in turn.asked]
    )


def _turn(turn: NewTurn, now: float) -> Turn:
    first = turn.first
    return Turn(
        first.id,
        first.session,
        first.chat,
        first.chat_id,
        first.part,
        turn.origin,
        turn.commands,
        TurnState.READY,
        now,
        turn.expires_at,
    )


async def _set_verdict(connection: AsyncConnection, asked: Sequence[Pending], verdict: Verdict) -> None:
    await connection.execute(REFUSE, {"rows": [pending.id for pending in asked], "reason": verdict})
