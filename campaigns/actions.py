"""What a person or a program does with campaigns: plan, start, pause, resume, cancel, retry, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from weakref import WeakValueDictionary

from bridge.client import SessionStatus
from bridge.contract.campaign_reports import CampaignView
from bridge.contract.campaigns import CampaignAction, CampaignPlan, CampaignState
from campaigns.errors import SessionNotReady, WrongState
from campaigns.lifecycle import ENDED, after_action
from campaigns.planning import Planner
from campaigns.publisher import CampaignPublisher
from campaigns.runner import CampaignRunner
from campaigns.session_states import NEEDS_A_PERSON
from campaigns.store.campaigns import JUST_CHANGED, CampaignStore
from campaigns.store.rows import Campaign
from campaigns.views import CampaignViews

_KINDS = {
    CampaignAction.START: "started",
    CampaignAction.PAUSE: "paused",
    CampaignAction.RESUME: "resumed",
    CampaignAction.CANCEL: "cancelled",
    CampaignAction.RETRY: "resumed",
}


class CampaignActions:
    """Every call raises DatabaseDown, and `NoSuchCampaign` for a campaign of no session that the caller may use."""

    def __init__(
        self,
        campaigns: CampaignStore,
        planner: Planner,
        views: CampaignViews,
        runner: CampaignRunner,
        publisher: CampaignPublisher,
        *,
        now: Callable[[], float],
        status: Callable[[str], SessionStatus | None],
        before_plan: Callable[[], Awaitable[None]],
        own: Callable[[str | None], Awaitable[str | None]],
    ) -> None:
        self._campaigns = campaigns
        self._planner = planner
        self._views = views
        self._runner = runner
        self._publisher = publisher
        self._now = now
        self._status = status
        self._before_plan = before_plan
        self._own = own
        self._planning = WeakValueDictionary[str, asyncio.Lock]()

    async def plan(self, plan: CampaignPlan, *, dry_run: bool = False) -> CampaignView:
        """Plan a campaign; `dry_run`: keep nothing of it. Raises what `Planner.plan` raises.

        The same plan with the same id, given again, is the campaign that it made before.
        """
        if plan.id is None or dry_run:
            return await self._plan(plan, dry_run=dry_run)
        async with self._planning.setdefault(plan.id, asyncio.Lock()):  # a repetition may come before the first is done
            if await self._campaigns.has(plan):
                return await self._views.view(await self._campaigns.get(plan.id))
            return await self._plan(plan)

    async def _plan(self, plan: CampaignPlan, *, dry_run: bool = False) -> CampaignView:
        await self._before_plan()
        campaign_id = await self._planner.plan(plan, await self._own(plan.session), keep=not dry_run)
        if dry_run:
            try:
                return await self._views.view(await self._campaigns.get(campaign_id, unfinished=True))
            finally:
                await self._planner.unfinished.drop(campaign_id)
        view = await self._views.view(await self._campaigns.get(campaign_id))
        self._publisher.happened(view.session, campaign_id, "planned")
        self._publisher.changed(campaign_id)
        return view

    async def act(
        self,
        campaign_id: str,
        action: CampaignAction,
        sessions: Collection[str] | None = None,
        *,
        unknown: bool = False,
    ) -> CampaignView:
        """Carry out an action. With `retry`, `unknown` also repeats those in doubt.

        Raises `WrongState`, and `SessionNotReady` for a start while the session needs a person.
        """
        campaign = await self._campaigns.get(campaign_id, sessions)
        start = campaign.plan.start_at
        later = start is not None and start.timestamp() > self._now()
        after = after_action(campaign.state, action, later=later)
        if after is CampaignState.RUNNING:
            self._check_session(campaign)
        if action is CampaignAction.RETRY:
            await self._campaigns.retry(campaign_id, campaign.state, self._now(), unknown=unknown)
        elif not await self._campaigns.move(campaign_id, campaign.state, after, self._now()):
            raise WrongState(JUST_CHANGED)
        self._publisher.happened(campaign.session, campaign_id, _KINDS[action])
        self._publisher.changed(campaign_id)
        self._runner.wake(campaign_id)
        return await self._views.view(await self._campaigns.get(campaign_id))

    async def delete(self, campaign_id: str, sessions: Collection[str] | None = None) -> None:
        """Delete a draft, or what has ended. Raises `WrongState` for one that may still send."""
        campaign = await self._campaigns.get(campaign_id, sessions)
        counts = (await self._campaigns.counts([campaign_id]))[campaign_id]
        if campaign.state not in {CampaignState.DRAFT, *ENDED} or counts.sending:
            raise WrongState("Only a draft, or a campaign that has ended, can be deleted: cancel it first.")
        await self._campaigns.delete(campaign_id)
        self._publisher.deleted(campaign.session, campaign_id)

    def _check_session(self, campaign: Campaign) -> None:
        status = self._status(campaign.session)
        if status is not None and status.state in NEEDS_A_PERSON:
            raise SessionNotReady(f"The session {campaign.session} cannot send: {status.text}")
