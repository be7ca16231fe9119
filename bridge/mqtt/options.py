"""How sessions connect to the broker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bridge.broker import BrokerOptions
from bridge.contract.topics import Topics
from bridge.mqtt.limits import MqttLimits
from bridge.mqtt.status import will_of
from bridge.ports import Clock


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """How a session connects to the broker; the adapter sets client id and will."""

    broker: BrokerOptions
    topics: Topics
    owner: str
    limits: MqttLimits = field(default_factory=MqttLimits)

    def of_session(self, session: str, clock: Clock) -> BrokerOptions:
        """Options of the connection that owns `session`: persistent, so commands wait while the bridge is offline."""
        prefix = self.topics.prefix.replace("/", "-")
        return replace(
            self.broker,
            client_id=f"{prefix}-bridge-{session}",
            clean=False,
            will=will_of(session, self.owner, self.topics, clock),
        )
