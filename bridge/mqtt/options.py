"""How sessions connect to the broker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bridge.broker import BrokerOptions
from bridge.contract.topics import Topics
from bridge.mqtt.limits import MqttLimits
from bridge.mqtt.status import will_of
from bridge.ports import Clock


def session_client_id(topics: Topics, session: str) -> str:
    """The name that a session's client id begins with; `bridge.broker` adds what no other user can guess."""
    return f"{topics.prefix.replace('/', '-')}-bridge-{session}"


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """How a session connects to the broker; the adapter sets client id and will."""

    broker: BrokerOptions
    topics: Topics
    owner: str
    limits: MqttLimits = field(default_factory=MqttLimits)

    def of_session(self, session: str, clock: Clock) -> BrokerOptions:
        """Options of the connection that owns `session`: persistent, so commands wait while the bridge is offline."""
        return replace(
            self.broker,
            client_id=session_client_id(self.topics, session),
            clean=False,
            will=will_of(session, self.owner, self.topics, clock),
        )
