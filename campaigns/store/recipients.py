"""Recipients: claimed before they are published, finished once there is a result, ticked by acks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Row, case, cast, func, insert, select, update

from bridge.contract.campaigns import REACHED, CampaignState, Follow, RecipientState
from bridge.contract.lifecycle import AckName
from bridge.sql.database import SqlDatabase
from campaigns.commands import CampaignCommand
from campaigns.lifecycle import after_tick
from campaigns.store.consent import take_early_yes
from campaigns.store.rows import NewRecipient, Recipient, SendsSoFar
from campaigns.store.schema import campaigns, heard, recipients

_R = RecipientState
_SENT_NOW = case(
    (recipients.c.stage == 0, func.coalesce(recipients.c.question, recipients.c.text)), else_=recipients.c.text
)
_COLUMNS = (
    *(recipients.c.id, recipients.c.campaign, recipients.c.n, recipients.c.recipient, recipients.c.person),
    *(_SENT_NOW.label("text"), recipients.c.state, recipients.c.stage, recipients.c.attempt, recipients.c.epoch),
    *(recipients.c.claimed_at, recipients.c.expires_at, recipients.c.chat),
)
#: Seconds before midnight in which the last send of a session is looked for: longer than the pause of any pace.
LONGEST_PAUSE = 7 * 86_400.0
#: Seconds of a span of the history.
STEPS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 86_400)
#: The moment that a state stands for.
_MOMENT = {_R.SENT: "sent_at", _R.DELIVERED: "delivered_at", _R.READ: "read_at"}


class RecipientStore:
    """Every call is one transaction. Each raises DatabaseDown."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def add(self, campaign_id: str, found: Sequence[NewRecipient]) -> None:
        """Write the recipients of a plan."""
        rows = [
            {
                "campaign": campaign_id,
                "n": one.n,
                "recipient": one.to,
                "person": one.person,
                "name": one.name,
                "vars": json.dumps(one.values, ensure_ascii=False),
                "meta": None if one.meta is None else json.dumps(one.meta, ensure_ascii=False),
                "question": one.question,
                "text": one.text,
                "state": _R.WAITING if one.code is None else _R.SKIPPED,
                "code": one.code,
                "stage": 0,
                "attempt": 1,
            }
            for one in found
        ]
        async with self._database.write() as connection:
            await connection.execute(insert(recipients), rows)

    async def waiting(self, campaign_id: str, limit: int) -> list[Recipient]:
        """The next ones, those who said yes first."""
        query = (
            select(*_COLUMNS)
            .where(recipients.c.campaign == campaign_id, recipients.c.state == _R.WAITING)
            .order_by(recipients.c.stage.desc(), recipients.c.n)
            .limit(limit)
        )
        return await self._read(query)

    async def sending(self, campaign_id: str) -> list[Recipient]:
        """Those that were published and have no result yet: after a restart their commands are repeated."""
        query = (
            select(*_COLUMNS)
            .where(recipients.c.campaign == campaign_id, recipients.c.state == _R.SENDING)
            .order_by(recipients.c.claimed_at, recipients.c.n)
        )
        return await self._read(query)

    async def claim(self, one: Recipient, epoch: str, now: float, expires_at: float) -> Recipient | None:
        """Mark a waiting recipient as published, while its campaign runs; None if that is no longer so."""
        running = select(campaigns.c.id).where(
            campaigns.c.id == one.campaign, campaigns.c.state == CampaignState.RUNNING
        )
        change = (
            update(recipients)
            .where(recipients.c.id == one.id, recipients.c.state == _R.WAITING, recipients.c.campaign.in_(running))
            .values(state=_R.SENDING, epoch=epoch, claimed_at=now, expires_at=expires_at, code=None, error=None)
        )
        async with self._database.write() as connection:
            if not (await connection.execute(change)).rowcount:
                return None
            row = (await connection.execute(select(*_COLUMNS).where(recipients.c.id == one.id))).one()
        return _recipient(row)

    async def finish(
        self,
        one: Recipient,
        state: RecipientState,
        at: float,
        *,
        code: str | None = None,
        error: str | None = None,
        chat: str | None = None,
    ) -> bool:
        """The result of a command, with its moment. A tick that came before it stays. False if it changes nothing."""
        values: dict[str, Any] = {"state": state, "code": code, "error": error, "chat": chat}
        if state in _MOMENT:
            values[_MOMENT[state]] = at
        allowed = [_R.SENDING, _R.UNKNOWN] if state is _R.SENT else [_R.SENDING]
        change = (
            update(recipients)
            .where(recipients.c.id == one.id, recipients.c.stage == one.stage, recipients.c.attempt == one.attempt)
            .where(recipients.c.state.in_(allowed))
            .values(values)
        )
        async with self._database.write() as connection:
            changed = bool((await connection.execute(change)).rowcount)
            if not changed and chat is not None:
                await connection.execute(update(recipients).where(recipients.c.id == one.id).values(chat=chat))
            if changed and state is _R.SENT and one.stage == 0:
                await take_early_yes(connection, one.id)
        return changed

    async def release(self, one: Recipient, code: str) -> None:
        """A command that provably sent nothing: the recipient waits again, with another id."""
        change = (
            update(recipients)
            .where(recipients.c.id == one.id, recipients.c.stage == one.stage, recipients.c.attempt == one.attempt)
            .where(recipients.c.state == _R.SENDING)
            .values(state=_R.WAITING, attempt=one.attempt + 1, code=code, epoch=None, claimed_at=None, expires_at=None)
        )
        async with self._database.write() as connection:
            await connection.execute(change)

    async def skip(self, one: Recipient, code: str) -> None:
        """Leave out a recipient that still waits."""
        change = (
            update(recipients)
            .where(recipients.c.id == one.id, recipients.c.state == _R.WAITING)
            .values(state=_R.SKIPPED, code=code)
        )
        async with self._database.write() as connection:
            await connection.execute(change)

    async def tick(self, ticks: Sequence[tuple[CampaignCommand, AckName, float]]) -> set[str]:
        """Apply acks in their order; returns the campaigns that changed."""
        changed = set()
        async with self._database.write() as connection:
            for command, ack, at in ticks:
                of_command = (
                    (recipients.c.campaign == command.campaign)
                    & (recipients.c.n == command.n)
                    & (recipients.c.stage == command.stage)
                    & (recipients.c.attempt == command.attempt)
                )
                query = select(recipients.c.id, recipients.c.state).where(of_command).with_for_update()
                row = (await connection.execute(query)).one_or_none()
                if row is None or (after := after_tick(_R(row.state), ack)) is None:
                    continue
                moments = {
                    _MOMENT[state]: func.coalesce(recipients.c[_MOMENT[state]], at)
                    for state in REACHED[: REACHED.index(after) + 1]
                }
                change = update(recipients).where(recipients.c.id == row.id)
                await connection.execute(change.values(state=after, code=None, error=None, **moments))
                if command.stage == 0 and row.state == _R.SENDING:
                    await take_early_yes(connection, row.id)
                changed.add(command.campaign)
        return changed

    async def sends(self, campaign_id: str, session: str, midnight: float) -> SendsSoFar:
        """What the pace of a campaign needs of all campaigns of its session; `midnight` began the present day."""
        of_session = recipients.c.campaign.in_(select(campaigns.c.id).where(campaigns.c.session == session))
        lasts: list[tuple[float, int]] = []
        firsts: list[float] = []
        count = 0
        async with self._database.read() as connection:
            for at in (recipients.c.claimed_at, recipients.c.asked_at):  # a question and its text are two sends
                lately = select(at, recipients.c.n).where(of_session, at >= midnight - LONGEST_PAUSE)
                if (last := (await connection.execute(lately.order_by(at.desc()).limit(1))).one_or_none()) is not None:
                    lasts.append((last[0], last[1]))
                first = select(func.min(at)).where(recipients.c.campaign == campaign_id)
                if (began := (await connection.execute(first)).scalar()) is not None:
                    firsts.append(began)
                today = select(func.count()).select_from(recipients).where(of_session, at >= midnight)
                count += int((await connection.execute(today)).scalar_one())
        newest = max(lasts, default=None)
        return SendsSoFar(None if newest is None else (newest[1], newest[0]), min(firsts, default=None), count)

    async def waiting_strangers(self, campaign_id: str, session: str, since: float) -> int:
        """How many of the waiting ones have not written to the session after a moment."""
        wrote = select(heard.c.person).where(
            heard.c.session == session, heard.c.person == recipients.c.person, heard.c.at > since
        )
        query = (
            select(func.count())
            .select_from(recipients)
            .where(recipients.c.campaign == campaign_id, recipients.c.state == _R.WAITING, ~wrote.exists())
        )
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def recent_failures(self, campaign_id: str, limit: int, since: float) -> tuple[int, int]:
        """Of the newest finished ones that were claimed since a moment: how many failed, and how many there are."""
        newest = (
            select(recipients.c.state)
            .where(recipients.c.campaign == campaign_id, recipients.c.claimed_at >= since)
            .where(recipients.c.state.in_([*REACHED, _R.FAILED, _R.UNKNOWN]))
            .order_by(recipients.c.claimed_at.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            states = list((await connection.execute(newest)).scalars())
        return sum(state == _R.FAILED for state in states), len(states)

    async def oldest_unread(self, session: str, since: float) -> float | None:
        """When the oldest message without its last tick was claimed, of those after a moment."""
        query = (
            select(func.min(recipients.c.claimed_at))
            .join(campaigns, campaigns.c.id == recipients.c.campaign)
            .where(campaigns.c.session == session, recipients.c.claimed_at > since)
            .where(recipients.c.state.in_([_R.SENDING, _R.UNKNOWN, _R.SENT, _R.DELIVERED]))
        )
        async with self._database.read() as connection:
            found: float | None = (await connection.execute(query)).scalar()
        return found

    async def history(self, campaign_id: str, most: int) -> tuple[float, int, dict[str, dict[int, int]]]:
        """Moment of the first send, seconds of a span, and for each kind of moment the number in each span."""
        of_campaign = recipients.c.campaign == campaign_id
        moments = [recipients.c[name] for name in ("sent_at", "delivered_at", "read_at", "answered_at")]
        bounds = select(func.min(recipients.c.sent_at), *(func.max(moment) for moment in moments)).where(of_campaign)
        counts: dict[str, dict[int, int]] = {}
        async with self._database.read() as connection:
            first, *newest = (await connection.execute(bounds)).one()
            if first is None:
                return 0.0, 1, {}
            last = max(moment for moment in newest if moment is not None)
            step = next((one for one in STEPS if (last - first) / one < most), STEPS[-1])
            for moment in moments:
                span = (cast(moment - first, Integer) // step).label("span")
                query = select(span, func.count()).where(of_campaign, moment >= first).group_by(span)
                counts[moment.name] = {int(place): number for place, number in await connection.execute(query)}
        return first, step, counts

    async def page(
        self, campaign_id: str, after: int, limit: int, states: Sequence[RecipientState] | None = None
    ) -> list[Row[Any]]:
        """Whole rows in the order of their numbers; `text` is what is sent now."""
        query = select(*[column for column in recipients.c if column.name != "text"], _SENT_NOW.label("text")).where(
            recipients.c.campaign == campaign_id, recipients.c.n > after
        )
        if states is not None:
            query = query.where(recipients.c.state.in_(states))
        async with self._database.read() as connection:
            return list(await connection.execute(query.order_by(recipients.c.n).limit(limit)))

    async def followed(self, campaign_id: str, who: Follow, after: int, limit: int) -> list[Row[Any]]:
        """Recipients of an earlier campaign to write to again."""
        states = {
            Follow.FAILED: [_R.FAILED],
            Follow.NOT_READ: [_R.SENT, _R.DELIVERED],
            Follow.NOT_ANSWERED: list(REACHED),
            Follow.SAID_YES: list(_R),
        }[who]
        query = select(recipients).where(recipients.c.campaign == campaign_id, recipients.c.n > after)
        query = query.where(recipients.c.state.in_(states), recipients.c.person != "")  # erased: no one to write to
        if who is Follow.NOT_ANSWERED:
            query = query.where(recipients.c.answered_at.is_(None))
        if who is Follow.SAID_YES:
            query = query.where(recipients.c.stage == 1)
        async with self._database.read() as connection:
            return list(await connection.execute(query.order_by(recipients.c.n).limit(limit)))

    async def _read(self, query: Any) -> list[Recipient]:
        async with self._database.read() as connection:
            return [_recipient(row) for row in await connection.execute(query)]


def _recipient(row: Any) -> Recipient:
    return Recipient(
        id=row.id,
        campaign=row.campaign,
        n=row.n,
        to=row.recipient,
        person=row.person,
        text=row.text,
        state=_R(row.state),
        stage=row.stage,
        attempt=row.attempt,
        epoch=row.epoch,
        claimed_at=row.claimed_at,
        expires_at=row.expires_at,
        chat=row.chat,
    )
