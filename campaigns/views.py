"""Campaigns as they are published and answered: numbers, what it waits for in words, and when it will end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge.client import SessionStatus
from bridge.contract.campaign_reports import (
    CampaignCounts,
    CampaignHistory,
    CampaignProgress,
    CampaignView,
    HistoryBucket,
    PreviewText,
    ReportRow,
)
from bridge.contract.campaigns import CampaignState, RecipientState
from bridge.contract.payload import instant
from campaigns.forecast import RECENT, BridgePace, CampaignLoad, campaign_ends
from campaigns.pacing import CampaignPace
from campaigns.store.campaigns import CampaignStore
from campaigns.store.recipients import RecipientStore
from campaigns.store.rows import Campaign
from campaigns.turns import turn_order

#: Texts that a preview shows.
PREVIEW = 5
#: Spans of a history, at most.
HISTORY = 60
#: Seconds for which it is kept what a campaign has to send: finding it out reads every waiting recipient.
LOAD_KEPT = 10.0
_ACTIVE = frozenset({CampaignState.RUNNING, CampaignState.SCHEDULED})
#: What each code means for a person.
REASON_TEXTS = {
    "reach_out_locked": "WhatsApp lets this number begin no new chats now. Wait until the lock ends, then resume.",
    "failure_rate": "Too many of the last messages failed: look at the report before you resume.",
    "window": "It waits for its window to open.",
    "day_limit": "It has reached the most sends of a day and goes on tomorrow.",
    "older_campaign": "An older campaign of this session sends first. To let this one go on, pause the older one.",
    "not_connected": "It waits for the session to be connected.",
    "logged_out": "The session is logged out: pair it again (`wa pair`), then it goes on.",
    "scheduled": "It waits for its start.",
}


@dataclass(frozen=True, slots=True)
class _KnownLoad:
    """What a campaign has to send, as it was found out in a state at a moment."""

    at: float
    state: CampaignState
    load: CampaignLoad


class CampaignViews:
    """Builds the payloads. `waits` answers what a running campaign waits for, `status` how its session is."""

    def __init__(
        self,
        campaigns: CampaignStore,
        recipients: RecipientStore,
        now: Callable[[], float],
        waits: Callable[[str], str | None],
        status: Callable[[str], SessionStatus | None],
    ) -> None:
        self._campaigns = campaigns
        self._recipients = recipients
        self._now = now
        self._waits = waits
        self._status = status
        self._loads: dict[str, _KnownLoad] = {}

    async def progress(self, campaign: Campaign, counts: CampaignCounts | None = None) -> CampaignProgress:
        """How far a campaign is. Raises DatabaseDown."""
        found = counts if counts is not None else (await self._campaigns.counts([campaign.id]))[campaign.id]
        return CampaignProgress(**await self._fields(campaign, found))

    async def view(self, campaign: Campaign) -> CampaignView:
        """A campaign with its plan and a preview. Raises DatabaseDown."""
        counts = (await self._campaigns.counts([campaign.id]))[campaign.id]
        states = [state for state in RecipientState if state is not RecipientState.SKIPPED]
        rows = await self._recipients.page(campaign.id, 0, PREVIEW, states)
        return CampaignView(
            **await self._fields(campaign, counts),
            seed=campaign.seed,
            created_at=instant(campaign.created_at),
            started_at=_moment(campaign.started_at),
            ended_at=_moment(campaign.ended_at),
            plan=campaign.spec,
            preview=[PreviewText(n=row.n, to=row.recipient, name=row.name, text=row.text) for row in rows],
            bad_rows=list(campaign.bad_rows),
            bad_row_count=campaign.bad_row_count,
            skipped_by=await self._campaigns.codes(campaign.id, RecipientState.SKIPPED),
            failed_by=await self._campaigns.codes(campaign.id, RecipientState.FAILED),
        )

    async def history(self, campaign_id: str) -> CampaignHistory:
        """A campaign over time. Raises DatabaseDown."""
        first, step, counts = await self._recipients.history(campaign_id, HISTORY)
        last = max((span for spans in counts.values() for span in spans), default=-1)
        buckets = [
            HistoryBucket(
                at=instant(first + span * step),
                **{name.removesuffix("_at"): spans.get(span, 0) for name, spans in counts.items()},
            )
            for span in range(min(last + 1, 4 * HISTORY))
        ]
        return CampaignHistory(step=step, buckets=buckets)

    async def _fields(self, campaign: Campaign, counts: CampaignCounts) -> dict[str, Any]:
        waits = self._waits(campaign.id) if campaign.state in (CampaignState.RUNNING, CampaignState.SCHEDULED) else None
        reason = waits or campaign.reason
        eta = await self._end(campaign, counts)
        return {
            **counts.model_dump(),
            "session": campaign.session,
            "id": campaign.id,
            "name": campaign.name,
            "state": campaign.state,
            "reason": reason,
            "text": REASON_TEXTS.get(reason or ""),
            "eta": _moment(eta),
            "at": instant(self._now()),
        }

    async def _end(self, campaign: Campaign, counts: CampaignCounts) -> float | None:
        """When it ends, after the older ones of its session; one that does not run yet goes behind those that do."""
        if campaign.state in (CampaignState.DONE, CampaignState.CANCELLED) or not counts.waiting:
            self._loads.pop(campaign.id, None)
            return None
        now = self._now()
        others = await self._campaigns.find(states=_ACTIVE, sessions=[campaign.session])
        running = sorted((one for one in others if one.id != campaign.id), key=lambda one: turn_order(one, now))
        place = len(running)
        if campaign.state in _ACTIVE:
            place = sum(turn_order(one, now) < turn_order(campaign, now) for one in running)
        waiting = await self._campaigns.counts([one.id for one in running])
        loads = [await self._load(one, waiting[one.id], now) for one in running]
        loads.insert(place, await self._load(campaign, counts, now))
        return campaign_ends(loads, BridgePace.of(self._status(campaign.session)), now)[place]

    async def _load(self, campaign: Campaign, counts: CampaignCounts, now: float) -> CampaignLoad:
        known = self._loads.get(campaign.id)
        if known is not None and known.state is campaign.state and 0 <= now - known.at < LOAD_KEPT:
            return known.load
        plan = campaign.plan
        pace = CampaignPace.of(plan, campaign.seed)
        sends = await self._recipients.sends(campaign.id, campaign.session, pace.midnight(now))
        strangers = await self._recipients.waiting_strangers(campaign.id, campaign.session, now - RECENT)
        start = now if plan.start_at is None else max(now, plan.start_at.timestamp())
        start = pace.next_send(start, last=sends.last, first=sends.first, today=sends.today)
        load = CampaignLoad(pace, counts.waiting, strangers, start, sends.first, sends.today)
        self._loads[campaign.id] = _KnownLoad(now, campaign.state, load)
        return load


def report_row(row: Any, *, answers: bool = True) -> ReportRow:
    """A stored recipient as the report has it; `answers`: with what it wrote."""
    return ReportRow(
        n=row.n,
        to=row.recipient,
        name=row.name,
        state=RecipientState(row.state),
        code=row.code,
        error=row.error,
        text=row.text,
        sent_at=_moment(row.sent_at),
        delivered_at=_moment(row.delivered_at),
        read_at=_moment(row.read_at),
        answered_at=_moment(row.answered_at),
        answer=row.answer if answers else None,
        meta=None if row.meta is None else json.loads(row.meta),
    )


def _moment(seconds: float | None) -> Any:
    return None if seconds is None else instant(seconds)
