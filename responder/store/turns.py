"""Turns in the store: opened once for each message, finished with their outcome."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.sql.database import SqlDatabase
from responder.policy import Verdict
from responder.store.circumstances import CircumstanceReader, with_answers
from responder.store.leases import lost_leases
from responder.store.rows import Lease, NewTurn, Pending, Turn, chats_lease, commands_to_json
from responder.store.schema import conversations, turns
from responder.store.statements import ANSWERED, FINISH_TURN, NEW_TURN, REFUSE, SPOKEN, STILL_OPEN, insert_rows
from responder.turns import TurnOrigin, TurnState


@dataclass(frozen=True, slots=True)
class Finished:
    """The outcome of a turn."""

    id: int
    state: TurnState
    error: str | None = None


class Turns:
    def __init__(self, database: SqlDatabase, reader: CircumstanceReader) -> None:
        self._database = database
        self._reader = reader

    def fit(self, new: Sequence[NewTurn]) -> bool:
        """Whether the database takes these turns in one statement."""
        limit = self._database.largest_statement
        return limit is None or sum(turn.size for turn in new) <= limit

    async def verdict(self, pending: Pending, now: float) -> Verdict:
        """Whether the message may still be answered. Raises DatabaseDown."""
        async with self._database.read() as connection:
            found = await self._reader.circumstances(connection, [pending], now)
        if (circumstances := found.get(pending.chat_id)) is None:
            return Verdict.ANSWER  # its chat is another one by now: `open` refuses it
        return self._reader.reconsider(pending, circumstances)

    async def stopped(self, chat_ids: Collection[int], now: float) -> dict[int, Verdict]:
        """The chats among these that are not answered any more, each with the verdict that takes its answers back.

        Raises DatabaseDown.
        """
        if not chat_ids:
            return {}
        async with self._database.read() as connection:
            return await self._reader.stopped(connection, chat_ids, now)

    async def open(self, new: Sequence[NewTurn], held: Sequence[Lease], now: float) -> list[Turn | Verdict | None]:
        """Record turns in one transaction; the result for each is a turn, a verdict against it, or None.

        None: its part is under none of the `held` leases or the lease is lost, another process has opened a turn or
        written a verdict for one of its messages, or its chat was merged into another. Raises DatabaseDown.
        """
        async with self._database.write() as connection:
            lost = await lost_leases(connection, held)
            valid = {lease.name for lease in held} - lost
            still_open = await _still_open(connection, [pending for turn in new for pending in turn.messages])
            circumstances = await self._reader.circumstances(connection, [turn.messages[-1] for turn in new], now)
            before = await self._reader.answered_before(connection, new, now)
            outcomes: list[Turn | Verdict | None] = []
            opened: list[NewTurn] = []
            for turn in new:
                present = circumstances.get(turn.first.chat_id)
                if present is None:
                    outcomes.append(None)
                    continue
                verdict = self._reader.reconsider(turn.messages[-1], with_answers(present, turn.first.chat_id, opened))
                if verdict is Verdict.CLOSED and turn.origin is TurnOrigin.CLOSED:
                    verdict = Verdict.ANSWER
                verdict = verdict if verdict is not Verdict.ANSWER else before.repeats(turn) or verdict
                if chats_lease(turn.first.part) not in valid or not still_open.issuperset(
                    (one.id, one.chat_id) for one in turn.messages
                ):
                    outcomes.append(None)
                elif verdict is not Verdict.ANSWER:
                    await _set_verdict(connection, turn.messages, verdict)
                    outcomes.append(verdict)
                else:
                    opened.append(turn)
                    outcomes.append(_turn(turn, now))
            await _write(connection, opened, now)
            return outcomes

    async def finish(self, finished: Sequence[Finished]) -> None:
        """Record the outcome of turns. Raises DatabaseDown."""
        async with self._database.write() as connection:
            await connection.execute(
                FINISH_TURN,
                [{"row": one.id, "outcome": one.state, "reason": one.error and one.error[:64]} for one in finished],
            )

    async def claim(self, turn: Turn) -> bool:
        """Claim a turn that may be sent only once; False if another process has claimed it. Raises DatabaseDown."""
        async with self._database.write() as connection:
            claimed = await connection.execute(
                update(turns)
                .where(turns.c.id == turn.id, turns.c.state == TurnState.READY)
                .values(state=TurnState.UNKNOWN)
            )
        return bool(claimed.rowcount)

    async def refuse(self, batch: Sequence[Pending], verdict: Verdict) -> None:
        """Write a verdict other than an answer. Raises DatabaseDown."""
        async with self._database.write() as connection:
            await _set_verdict(connection, batch, verdict)


async def _still_open(connection: AsyncConnection, batch: Sequence[Pending]) -> set[tuple[int, int]]:
    """Ids of the messages that are still neither answered nor refused, each with its chat, which may be another one
    by now. Locked until the transaction ends."""
    found = await connection.execute(STILL_OPEN, {"rows": [pending.id for pending in batch]})
    return {(row.id, row.chat_id) for row in found}


async def _write(connection: AsyncConnection, opened: Sequence[NewTurn], now: float) -> None:
    if not opened:
        return
    lines = [
        {
            "cliente_id": turn.first.cliente_id,
            "telefono": turn.first.person,
            "rol": "assistant",
            "origen_mensaje": "sistema" if turn.origin is TurnOrigin.ORDER else "ia",
            "mensaje": turn.text,
        }
        for turn in opened
    ]
    line_ids = await insert_rows(connection, conversations, lines)
    rows = [
        {
            "id": turn.first.id,
            "session": turn.first.session,
            "first_message": turn.first.message_id,
            "chat_id": turn.first.chat_id,
            "part": turn.first.part,
            "conversation_id": line_id,
            "origin": turn.origin,
            "commands": commands_to_json(turn.commands),
            "state": TurnState.READY,
            "created_at": now,
            "expires_at": turn.expires_at,
        }
        for turn, line_id in zip(opened, line_ids, strict=True)
    ]
    await connection.execute(NEW_TURN, rows)
    await connection.execute(SPOKEN, {"ids": list({turn.first.chat_id for turn in opened})})
    await connection.execute(
        ANSWERED, [{"row": one.id, "turn": turn.first.id} for turn in opened for one in turn.messages]
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


async def _set_verdict(connection: AsyncConnection, batch: Sequence[Pending], verdict: Verdict) -> None:
    await connection.execute(REFUSE, {"rows": [pending.id for pending in batch], "reason": verdict})
