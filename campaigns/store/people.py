"""People: who asked for no more messages, who wrote when, who answered a campaign; and the cursor of what was read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.contract.campaign_reports import OptOut
from bridge.contract.campaigns import RecipientState
from bridge.contract.payload import instant
from bridge.contract.replays import Cursor
from bridge.sql.database import SqlDatabase
from campaigns.store.consent import CLOCKS, take_yes
from campaigns.store.schema import campaigns, cursors, heard, opt_ins, opt_outs, recipients

#: Seconds after a message of a campaign in which what the person writes counts as its answer.
ANSWER_WITHIN = 14 * 86400.0
_LONGEST_ANSWER = 1_000


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a person. `people` are all known addresses, in the form in which they are compared."""

    people: tuple[str, ...]
    at: float
    body: str
    opts_out: bool
    opts_in: bool
    agrees: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """A recipient that answered; `opted_out`: with a «baja»."""

    campaign: str
    session: str
    n: int
    opted_out: bool


class HeardPeople:
    """Every call is one transaction. Each raises DatabaseDown."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def cursor(self, session: str) -> Cursor | None:
        """The last read message of a session."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(cursors).where(cursors.c.session == session))).one_or_none()
        return None if row is None else Cursor(epoch=row.epoch, seq=row.seq)

    async def record(self, session: str, found: Sequence[Heard], cursor: Cursor | None) -> list[Answered]:
        """Store what a batch of messages says, with its cursor (None: as it is); returns the new answers."""
        answers: list[Answered] = []
        async with self._database.write() as connection:
            for message in found:
                for person in message.people:
                    await _put(connection, session, person, message)
                if (answer := await _answer(connection, session, message)) is not None:
                    answers.append(answer)
            if cursor is not None:
                await connection.execute(delete(cursors).where(cursors.c.session == session))
                row = {"session": session, "epoch": cursor.epoch, "seq": cursor.seq}
                await connection.execute(insert(cursors).values(row))
        return answers

    async def forget_heard(self, before: float) -> None:
        """Forget when people wrote who have not written since a moment."""
        async with self._database.write() as connection:
            await connection.execute(delete(heard).where(heard.c.at < before))

    async def opted_out(self, people: Collection[str]) -> set[str]:
        """Those among these people who asked for no more messages."""
        query = select(opt_outs.c.person).where(opt_outs.c.person.in_(people))
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def wrote_since(self, session: str, people: Collection[str], since: float) -> set[str]:
        """Those among these people who wrote after a moment."""
        query = select(heard.c.person).where(heard.c.session == session, heard.c.person.in_(people), heard.c.at > since)
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def opt_out(self, people: Collection[str], at: float, source: str) -> None:
        """Put people on the list of opt-outs; those who are on it keep their entry."""
        async with self._database.write() as connection:
            await connection.execute(delete(opt_ins).where(opt_ins.c.person.in_(people)))
            await _opt_out(connection, people, at, source)

    async def opt_out_with_responder(self, people: Collection[str], at: float) -> bool:
        """Take over all those who are opted out with the responder, but for whom `opt_in` took off the list since.

        Returns whether there are new ones.
        """
        async with self._database.write() as connection:
            undone = set((await connection.execute(select(opt_ins.c.person))).scalars())
            if over := undone - {*people}:  # a later opt-out with the responder counts again
                await connection.execute(delete(opt_ins).where(opt_ins.c.person.in_(over)))
            return await _opt_out(connection, {*people} - undone, at, "responder")

    async def opt_in(self, person: str) -> None:
        """Take a person off the list; an opt-out that the responder still has brings nothing back."""
        async with self._database.write() as connection:
            await connection.execute(delete(opt_outs).where(opt_outs.c.person == person))
            await connection.execute(delete(opt_ins).where(opt_ins.c.person == person))
            await connection.execute(insert(opt_ins).values(person=person))

    async def all_opt_outs(self, limit: int = 1000) -> list[OptOut]:
        """The newest opt-outs, newest first."""
        query = select(opt_outs).order_by(opt_outs.c.at.desc(), opt_outs.c.person).limit(limit)
        async with self._database.read() as connection:
            rows = list(await connection.execute(query))
        return [OptOut(to=row.person, at=instant(row.at), source=row.source) for row in rows]


async def _opt_out(connection: AsyncConnection, people: Collection[str], at: float, source: str) -> bool:
    query = select(opt_outs.c.person).where(opt_outs.c.person.in_(people))
    known = set((await connection.execute(query)).scalars())
    rows = [{"person": person, "at": at, "source": source} for person in sorted({*people} - known)]
    if rows:
        await connection.execute(insert(opt_outs), rows)
    return bool(rows)


async def _put(connection: AsyncConnection, session: str, person: str, message: Heard) -> None:
    row = (heard.c.session == session) & (heard.c.person == person)
    known = (await connection.execute(select(heard.c.at).where(row))).one_or_none()
    if known is None:
        await connection.execute(insert(heard).values(session=session, person=person, at=message.at))
    elif message.at > known.at:
        await connection.execute(update(heard).where(row).values(at=message.at))
    if message.opts_in:
        await connection.execute(delete(opt_outs).where(opt_outs.c.person == person))
    elif message.opts_out:
        await connection.execute(delete(opt_ins).where(opt_ins.c.person == person))
        await _opt_out(connection, [person], message.at, "message")


async def _answer(connection: AsyncConnection, session: str, message: Heard) -> Answered | None:
    """Note an answer with the newest campaign that wrote to the person."""
    of_person = recipients.c.person.in_(message.people) | recipients.c.chat.in_(message.people)
    query = (
        select(recipients)
        .join(campaigns, campaigns.c.id == recipients.c.campaign)
        .where(of_person, campaigns.c.session == session, recipients.c.claimed_at.is_not(None))
        .where(recipients.c.claimed_at <= message.at + CLOCKS, recipients.c.claimed_at >= message.at - ANSWER_WITHIN)
        .where(recipients.c.state != RecipientState.FAILED)
        .order_by(recipients.c.claimed_at.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    wants = message.agrees and await take_yes(connection, row, message.at)
    if row.answered_at is None:
        values = {"answered_at": message.at, "answer": message.body[:_LONGEST_ANSWER]}
        await connection.execute(update(recipients).where(recipients.c.id == row.id).values(values))
    elif not wants:
        return None
    return Answered(row.campaign, session, row.n, message.opts_out)
