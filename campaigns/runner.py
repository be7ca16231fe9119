"""Runs the campaigns: one task for each that may send, and at most a few accepted messages of a session at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from bridge.client import Client
from bridge.contract.campaigns import CampaignState
from bridge.sql.database import while_down
from campaigns.deliveries import Deliveries
from campaigns.numbers import AbsentNumbers
from campaigns.publisher import CampaignPublisher
from campaigns.run import CampaignRun, RunParts
from campaigns.session_states import SessionStates
from campaigns.store.campaigns import CampaignStore
from campaigns.store.people import HeardPeople
from campaigns.store.recipients import RecipientStore
from campaigns.store.rows import Campaign
from campaigns.turns import CampaignTurn, SessionTurns

_log = logging.getLogger(__name__)
#: Seconds between two looks at the store: a safety net, since every change in this process wakes the runner.
POLL = 5.0
#: Seconds until a campaign whose run failed is run again.
AFTER_FAULT = 30.0
_ACTIVE = frozenset({CampaignState.RUNNING, CampaignState.SCHEDULED})


class CampaignRunner:
    """Use `run` as the one long-lived task; `wake` after any change of a campaign."""

    def __init__(
        self,
        client: Callable[[], Client],
        campaigns: CampaignStore,
        recipients: RecipientStore,
        people: HeardPeople,
        states: SessionStates,
        publisher: CampaignPublisher,
        now: Callable[[], float],
        *,
        ahead: int,
    ) -> None:
        self._campaigns = campaigns
        self._ahead = ahead
        self._turns: dict[str, SessionTurns] = {}
        self._runs: dict[str, CampaignRun] = {}
        self._wake = asyncio.Event()
        self.deliveries = Deliveries(client, recipients, now)
        self._parts = RunParts(
            campaigns=campaigns,
            recipients=recipients,
            people=people,
            deliveries=self.deliveries,
            numbers=AbsentNumbers(client),
            states=states,
            publisher=publisher,
            now=now,
        )

    def wake(self, campaign_id: str | None = None) -> None:
        """Look again at a campaign, or at all of them."""
        self._wake.set()
        for name, run in self._runs.items():
            if campaign_id in (None, name):
                run.wake()

    def wake_for_opt_outs(self) -> None:
        """A person asked for no more messages, in whatever session."""
        for run in self._runs.values():
            run.wake_for_opt_outs()

    def wake_session(self, session: str) -> None:
        """A session's state has changed."""
        for run in self._runs.values():
            if run.session == session:
                run.wake()

    def waits(self, campaign_id: str) -> str | None:
        """What a running campaign waits for now, as a code."""
        run = self._runs.get(campaign_id)
        return None if run is None else run.waits

    async def run(self) -> None:
        self._turns.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                for campaign in await while_down(self._all_to_run):
                    if campaign.id not in self._runs:
                        turn = self._turns_of(campaign.session).join(campaign, self._parts.now())
                        run = self._runs[campaign.id] = CampaignRun(campaign, self._parts, turn)
                        tasks.create_task(self._carry_out(run, turn), name=f"campaign {campaign.id}")
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL):
                        await self._wake.wait()

    async def _all_to_run(self) -> list[Campaign]:
        """Those that may send, and those with messages that have no result yet."""
        for one in await self._campaigns.done_with_waiting():
            if await self._campaigns.move(one.id, CampaignState.DONE, CampaignState.RUNNING, self._parts.now()):
                self._parts.publisher.changed(one.id)
        active = await self._campaigns.find(states=_ACTIVE)
        others = await self._campaigns.with_open_recipients()
        return [*active, *(one for one in others if one.state not in _ACTIVE)]

    def _turns_of(self, session: str) -> SessionTurns:
        if session not in self._turns:
            self._turns[session] = SessionTurns(self._ahead, lambda: self.wake_session(session))
        return self._turns[session]

    async def _carry_out(self, run: CampaignRun, turn: CampaignTurn) -> None:
        try:
            await run.run()
        except Exception:  # noqa: BLE001 - a fault in one campaign stops no other
            _log.exception("The campaign %s failed. It goes on in %d s.", run.id, AFTER_FAULT)
            turn.says(may_send=False)
            await asyncio.sleep(AFTER_FAULT)
        finally:
            self._runs.pop(run.id, None)
            turn.session.leave(turn)
        self._wake.set()
