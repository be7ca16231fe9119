"""Campaigns: their plans, states and numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.contract.campaign_reports import BadRow, CampaignCounts
from bridge.contract.campaigns import CampaignPlan, CampaignState, RecipientState
from bridge.sql.database import SqlDatabase
from campaigns.errors import NoSuchCampaign, WrongState
from campaigns.lifecycle import ENDED, check_transition
from campaigns.store.consent import locked_campaign
from campaigns.store.rows import Campaign, UnderWay
from campaigns.store.schema import campaigns, recipients, used_ids

#: Bad rows that are kept with a campaign or a list.
MOST_BAD_ROWS = 100
JUST_CHANGED = "The campaign has just changed: look at it again."
_R = RecipientState


class CampaignStore:
    """Every call is one transaction. Each raises DatabaseDown."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def create(self, campaign_id: str, session: str, plan: CampaignPlan, seed: int, now: float) -> None:
        """Store a draft whose recipients follow. Raises `WrongState` for an id in use, also by a deleted campaign that
        was started."""
        spec = plan.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"recipients"})
        row = {
            "id": campaign_id,
            "session": session,
            "name": plan.name,
            "state": CampaignState.DRAFT,
            "plan": json.dumps(spec, ensure_ascii=False),
            "digest": _digest(plan),
            "seed": seed,
            "bad_rows": "[]",
            "bad_row_count": 0,
            "created_at": now,
        }
        try:
            async with self._database.write() as connection:
                used = select(used_ids.c.id).where(used_ids.c.id == campaign_id)
                if (await connection.execute(used)).scalar() is not None:
                    raise WrongState(
                        f"A deleted campaign {campaign_id} has sent with this id, and the bridge would answer with its"
                        " results: choose another id.",
                        detail="id_in_use",
                    )
                await connection.execute(insert(campaigns).values(row))
        except IntegrityError as error:
            raise WrongState(
                f"There is a campaign {campaign_id} already: choose another id.", detail="id_in_use"
            ) from error

    async def has(self, plan: CampaignPlan) -> bool:
        """Whether the campaign of the plan's id was planned from just this plan."""
        query = select(campaigns.c.digest).where(campaigns.c.id == plan.id, campaigns.c.planned_at.is_not(None))
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar() == _digest(plan)

    async def planned(self, campaign_id: str, bad: Sequence[BadRow], bad_count: int, now: float | None) -> None:
        """All recipients of a draft are written; without a moment it stays unfinished, as that of a dry run."""
        rows = json.dumps([row.model_dump() for row in bad[:MOST_BAD_ROWS]], ensure_ascii=False)
        async with self._database.write() as connection:
            await connection.execute(
                update(campaigns)
                .where(campaigns.c.id == campaign_id)
                .values(bad_rows=rows, bad_row_count=bad_count, planned_at=now)
            )

    async def delete_unfinished(self) -> None:
        """Delete drafts whose planning was interrupted."""
        async with self._database.write() as connection:
            unfinished = select(campaigns.c.id).where(campaigns.c.planned_at.is_(None))
            names = list((await connection.execute(unfinished)).scalars())
            await connection.execute(delete(recipients).where(recipients.c.campaign.in_(names)))
            await connection.execute(delete(campaigns).where(campaigns.c.id.in_(names)))

    async def get(
        self, campaign_id: str, sessions: Collection[str] | None = None, *, unfinished: bool = False
    ) -> Campaign:
        """A campaign of one of these sessions (None: of any), `unfinished`: also one of a dry run.

        Raises `NoSuchCampaign`.
        """
        query = select(campaigns).where(campaigns.c.id == campaign_id)
        if not unfinished:
            query = query.where(campaigns.c.planned_at.is_not(None))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or (sessions is not None and row.session not in sessions):
            raise NoSuchCampaign
        return _campaign(row)

    async def find(
        self,
        *,
        ids: Collection[str] | None = None,
        states: Collection[CampaignState] | None = None,
        sessions: Collection[str] | None = None,
        limit: int = 1000,
    ) -> list[Campaign]:
        """Campaigns with these properties, newest first."""
        query = select(campaigns).where(campaigns.c.planned_at.is_not(None))
        if ids is not None:
            query = query.where(campaigns.c.id.in_(ids))
        if states is not None:
            query = query.where(campaigns.c.state.in_(states))
        if sessions is not None:
            query = query.where(campaigns.c.session.in_(sessions))
        query = query.order_by(campaigns.c.created_at.desc(), campaigns.c.id).limit(limit)
        async with self._database.read() as connection:
            return [_campaign(row) for row in await connection.execute(query)]

    async def with_open_recipients(self) -> list[Campaign]:
        """Campaigns with messages that have no result yet."""
        open_ones = select(recipients.c.campaign).where(recipients.c.state == _R.SENDING).distinct()
        async with self._database.read() as connection:
            query = select(campaigns).where(campaigns.c.id.in_(open_ones), campaigns.c.planned_at.is_not(None))
            return [_campaign(row) for row in await connection.execute(query)]

    async def move(
        self, campaign_id: str, before: CampaignState, after: CampaignState, now: float, reason: str | None = None
    ) -> bool:
        """Change the state; False if it is no longer `before`. Raises `WrongState` for an illegal transition."""
        async with self._database.write() as connection:
            return await _moved(connection, campaign_id, before, after, now, reason)

    async def finish(self, campaign_id: str, now: float) -> bool:
        """A running campaign is done; False if it runs no longer, or a recipient still waits or is being sent to."""
        is_open = recipients.c.state.in_([_R.WAITING, _R.SENDING])
        left = select(recipients.c.id).where(recipients.c.campaign == campaign_id, is_open).limit(1)
        async with self._database.write() as connection:
            await locked_campaign(connection, campaign_id)  # a yes waits for that lock, too, before it lets a text wait
            if (await connection.execute(left)).scalar() is not None:
                return False
            return await _moved(connection, campaign_id, CampaignState.RUNNING, CampaignState.DONE, now)

    async def done_with_waiting(self) -> list[Campaign]:
        """Campaigns that are `done` though a recipient waits: only an earlier version leaves them so, or a command that
        provably sent nothing and whose campaign was done."""
        waits = select(recipients.c.id).where(recipients.c.campaign == campaigns.c.id, recipients.c.state == _R.WAITING)
        query = select(campaigns).where(campaigns.c.state == CampaignState.DONE, waits.exists())
        async with self._database.read() as connection:
            return [
                _campaign(row) for row in await connection.execute(query.where(campaigns.c.planned_at.is_not(None)))
            ]

    async def retry(self, campaign_id: str, before: CampaignState, now: float, *, unknown: bool = False) -> None:
        """Run again, with the failed recipients waiting again, and on request those in doubt.

        Raises `WrongState` if the state is no longer `before`, or nothing failed; then nothing is changed.
        """
        states = [_R.FAILED, _R.UNKNOWN] if unknown else [_R.FAILED]
        wait_again = (
            update(recipients)
            .where(recipients.c.campaign == campaign_id, recipients.c.state.in_(states))
            .values(
                state=_R.WAITING,
                attempt=recipients.c.attempt + 1,
                code=None,
                error=None,
                epoch=None,
                claimed_at=None,
                expires_at=None,
            )
        )
        async with self._database.write() as connection:
            if not await _moved(connection, campaign_id, before, CampaignState.RUNNING, now):
                raise WrongState(JUST_CHANGED)
            if not (await connection.execute(wait_again)).rowcount:
                raise WrongState("Nothing failed, so there is nothing to repeat.")

    async def delete(self, campaign_id: str) -> None:
        """Delete a campaign with its recipients. The id of one that was started is not used again."""
        started = select(campaigns.c.id).where(campaigns.c.id == campaign_id, campaigns.c.started_at.is_not(None))
        known = select(used_ids.c.id).where(used_ids.c.id == campaign_id)
        async with self._database.write() as connection:
            if (await connection.execute(started.where(~known.exists()))).scalar() is not None:
                await connection.execute(insert(used_ids).values(id=campaign_id))
            await connection.execute(delete(recipients).where(recipients.c.campaign == campaign_id))
            await connection.execute(delete(campaigns).where(campaigns.c.id == campaign_id))

    async def counts(self, campaign_ids: Collection[str]) -> dict[str, CampaignCounts]:
        """How many recipients are where, of several campaigns at once."""
        of_campaign = recipients.c.campaign
        query = (
            select(of_campaign, recipients.c.state, func.count(), func.count(recipients.c.answered_at))
            .where(of_campaign.in_(campaign_ids))
            .group_by(of_campaign, recipients.c.state)
        )
        found: dict[str, dict[str, int]] = {name: {} for name in campaign_ids}
        answered = dict.fromkeys(campaign_ids, 0)
        async with self._database.read() as connection:
            for name, state, number, answers in await connection.execute(query):
                found[name][state] = number
                answered[name] += answers
        return {name: _counts(states, answered[name]) for name, states in found.items()}

    async def under_way(self) -> UnderWay:
        """The campaigns that are not over, and their recipients."""
        open_ones = campaigns.c.planned_at.is_not(None) & campaigns.c.state.not_in(ENDED)
        session, state = campaigns.c.session, recipients.c.state
        of_campaigns = select(session, campaigns.c.state, func.count()).where(open_ones)
        of_recipients = (
            select(session, state, func.count())
            .join_from(recipients, campaigns, campaigns.c.id == recipients.c.campaign)
            .where(open_ones)
        )
        async with self._database.read() as connection:
            counted = [
                {(row[0], row[1]): row[2] for row in await connection.execute(query)}
                for query in (
                    of_campaigns.group_by(session, campaigns.c.state),
                    of_recipients.group_by(session, state),
                )
            ]
        return UnderWay(*counted)

    async def codes(self, campaign_id: str, state: RecipientState) -> dict[str, int]:
        """How many recipients of a state have each code."""
        query = (
            select(recipients.c.code, func.count())
            .where(recipients.c.campaign == campaign_id, recipients.c.state == state)
            .group_by(recipients.c.code)
        )
        async with self._database.read() as connection:
            return {code or "internal": number for code, number in await connection.execute(query)}


async def _moved(
    connection: AsyncConnection,
    campaign_id: str,
    before: CampaignState,
    after: CampaignState,
    now: float,
    reason: str | None = None,
) -> bool:
    check_transition(before, after)
    values: dict[str, Any] = {"state": after, "reason": reason}
    if after in ENDED or after is CampaignState.STOPPED:
        values["ended_at"] = now
    elif after is CampaignState.RUNNING:
        values |= {"ended_at": None, "started_at": func.coalesce(campaigns.c.started_at, now)}
    change = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.state == before).values(values)
    return bool((await connection.execute(change)).rowcount)


def _counts(states: dict[str, int], answered: int) -> CampaignCounts:
    def of(*names: RecipientState) -> int:
        return sum(states.get(name, 0) for name in names)

    return CampaignCounts(
        planned=sum(states.values()) - of(_R.SKIPPED),
        waiting=of(_R.WAITING),
        sending=of(_R.SENDING),
        sent=of(_R.SENT, _R.DELIVERED, _R.READ),
        delivered=of(_R.DELIVERED, _R.READ),
        read=of(_R.READ),
        answered=answered,
        failed=of(_R.FAILED),
        unknown=of(_R.UNKNOWN),
        skipped=of(_R.SKIPPED),
    )


def _digest(plan: CampaignPlan) -> str:
    said = plan.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _campaign(row: Row[Any]) -> Campaign:
    return Campaign(
        id=row.id,
        session=row.session,
        name=row.name,
        state=CampaignState(row.state),
        reason=row.reason,
        spec=json.loads(row.plan),
        seed=row.seed,
        bad_rows=tuple(BadRow(**one) for one in json.loads(row.bad_rows)),
        bad_row_count=row.bad_row_count,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
