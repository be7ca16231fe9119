"""Publishes how far the campaigns are (retained, at most once a second each) and what happens with them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable

from bridge.client import BrokerDown, BrokerError, Client
from bridge.contract.campaign_reports import CampaignEvent
from bridge.contract.campaigns import CampaignState
from bridge.contract.payload import instant
from bridge.sql.database import while_down
from bridge.sql.errors import DatabaseDown
from campaigns.errors import NoSuchCampaign
from campaigns.store.campaigns import CampaignStore
from campaigns.views import CampaignViews

_log = logging.getLogger(__name__)
#: Seconds between two publications.
EVERY = 1.0
#: Seconds after which the progress of a running campaign is published without a change, for its `eta`.
REFRESH = 60.0
#: Campaigns that are published at the start; events that wait for a broker.
AT_START, MOST_EVENTS = 50, 1_000
_REFRESHED = frozenset({CampaignState.RUNNING, CampaignState.SCHEDULED})
#: What is published about a campaign, in words.
_TEXTS = {
    "planned": "It was planned.",
    "started": "It sends now.",
    "paused": "It was paused.",
    "resumed": "It goes on.",
    "done": "Nothing is left to send.",
    "cancelled": "It was cancelled.",
    "answered": "A recipient answered.",
    "opted_out": "A recipient asked for no more messages.",
    "stopped": "A rule stopped it.",
}


class CampaignPublisher:
    """`changed` and `happened` only note; `run` publishes."""

    def __init__(self, campaigns: CampaignStore, now: Callable[[], float]) -> None:
        self._campaigns = campaigns
        self._now = now
        self._changed: set[str] = set()
        self._gone: dict[str, str] = {}
        #: What happened since the start: session, kind, reason.
        self.counted: Counter[tuple[str, str, str | None]] = Counter()
        self._events: deque[CampaignEvent] = deque(maxlen=MOST_EVENTS)
        self._wake = asyncio.Event()

    def changed(self, campaign_id: str) -> None:
        """Publish its progress soon."""
        self._changed.add(campaign_id)
        self._wake.set()

    def deleted(self, session: str, campaign_id: str) -> None:
        """Clear its retained progress."""
        self._gone[campaign_id] = session
        self._wake.set()

    def happened(
        self, session: str, campaign_id: str, kind: str, reason: str | None = None, n: int | None = None
    ) -> None:
        """Publish an event soon."""
        self.counted[session, kind, reason] += 1
        text = _TEXTS[kind] if reason is None else f"{_TEXTS[kind]} ({reason})"
        at = instant(self._now())
        self._events.append(CampaignEvent(session=session, id=campaign_id, kind=kind, text=text, n=n, at=at))
        self._wake.set()

    async def run(self, client: Client, views: CampaignViews) -> None:
        newest = await while_down(lambda: self._campaigns.find(limit=AT_START))
        self._changed |= {campaign.id for campaign in newest}
        while True:
            self._wake.clear()
            try:
                await self._publish(client, views)
            except (BrokerDown, DatabaseDown):
                pass  # noted still; published once both answer again
            except BrokerError as error:
                _log.warning("Progress is not published: %s", error)
            await asyncio.sleep(EVERY)
            try:
                async with asyncio.timeout(REFRESH):
                    await self._wake.wait()
            except TimeoutError:
                running = await while_down(lambda: self._campaigns.find(limit=AT_START))
                self._changed |= {campaign.id for campaign in running if campaign.state in _REFRESHED}

    async def _publish(self, client: Client, views: CampaignViews) -> None:
        while self._events:
            await client.publish_campaign_event(self._events[0])
            self._events.popleft()
        for campaign_id in sorted(self._changed):
            try:
                campaign = await self._campaigns.get(campaign_id)
            except NoSuchCampaign:
                self._changed.discard(campaign_id)
                continue
            self._changed.discard(campaign_id)
            try:
                await client.retain_campaign(campaign.session, campaign.id, await views.progress(campaign))
            except (BrokerError, DatabaseDown):
                self._changed.add(campaign_id)
                raise
        for campaign_id, session in list(self._gone.items()):
            await client.retain_campaign(session, campaign_id, None)
            del self._gone[campaign_id]
