"""What the services beside the bridge publish and watch: the responder's and the campaigns' own topics."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from bridge.client.bridge_control import watch_bridges
from bridge.client.connection import SharedConnection
from bridge.client.outcomes import watch_outcomes
from bridge.client.status_watch import watch_bot_switches
from bridge.contract.bot import BotConfig, BotSwitch, ResponderEvent, SpokenText
from bridge.contract.messages import Ack, Result
from bridge.contract.status import BridgeStatus
from bridge.contract.topics import Topics

if TYPE_CHECKING:
    from bridge.contract.campaign_reports import CampaignEvent, CampaignProgress


class ServiceTopics:
    """The calls of a client that only a service makes."""

    def __init__(self, connection: SharedConnection, topics: Topics) -> None:
        self._connection = connection
        self._topics = topics

    def watch_bridges(self) -> AsyncGenerator[tuple[str, BridgeStatus | None], None]:
        """Each status of a bridge with its topic, the retained ones first; None where it was cleared."""
        return watch_bridges(self._connection, self._topics)

    def bot_switches(self) -> AsyncGenerator[tuple[int, BotSwitch], None]:
        """Requests to switch a client's automatic answers, each with the client's number: for a responder."""
        return watch_bot_switches(self._connection, self._topics)

    async def retain_bot_config(self, config: BotConfig) -> None:
        """Publish (retained) whether a client is answered automatically. Raises BrokerDown."""
        await self._connection.publish(self._topics.bot_config(config.cliente_id), config.to_json(), retain=True)

    async def publish_responder_event(self, event: ResponderEvent) -> None:
        """Publish a responder's failure. Raises BrokerDown."""
        await self._connection.publish(self._topics.responder_event(event.instance), event.to_json())

    async def publish_transcript(self, spoken: SpokenText) -> None:
        """Publish what was said in a voice message. Raises BrokerDown, BrokerRefused."""
        await self._connection.publish(self._topics.transcript(spoken.session), spoken.to_json())

    def outcomes(self, session: str) -> AsyncGenerator[Result | Ack | None, None]:
        """The results and acks of all commands; None where some may be missing: first, and after each reconnection."""
        return watch_outcomes(self._connection, self._topics, session)

    async def retain_campaign(self, session: str, campaign: str, progress: CampaignProgress | None) -> None:
        """Publish (retained) how far a campaign is; None clears it. Raises BrokerDown, BrokerRefused."""
        body = "" if progress is None else progress.to_json()
        await self._connection.publish(self._topics.campaign(session, campaign), body, retain=True)

    async def publish_campaign_event(self, event: CampaignEvent) -> None:
        """Publish what happened with a campaign. Raises BrokerDown, BrokerRefused."""
        await self._connection.publish(self._topics.campaign_event(event.session, event.id), event.to_json())
