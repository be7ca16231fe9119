"""The two ways to WhatsApp: over the broker to the bridge, or by HTTP to a legacy sender. A start takes one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from bridge.client import BrokerAddress, Client, connect
from responder.faults import FaultLog
from responder.health import Health
from responder.outgoing import AnswerSink, MqttAnswerSink
from responder.settings import ResponderSettings
from responder.store.turns import Turns
from responder.webhook import LegacyAnswerSink, LegacySender, stay_registered


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """How to reach the broker: what `bridge.client.connect` takes. `instance` is the level on which faults are told."""

    broker: str | Sequence[BrokerAddress]
    prefix: str = "wa"
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    ca_file: str | None = None
    level: str | None = None
    instance: str = "responder"


@dataclass(frozen=True, slots=True)
class Transport:
    """Where answers go out; `beside` runs while messages come in. Without `client` nothing is read or announced."""

    outlet: AnswerSink
    beside: Callable[[], Coroutine[None, None, None]]
    client: Client | None = None


@asynccontextmanager
async def over_broker(broker: BrokerAccess, condition: Health, now: Callable[[], float]) -> AsyncIterator[Transport]:
    """Connected, however long that takes. Raises BadAddress, BrokerRefused."""
    async with connect(
        broker.broker,
        prefix=broker.prefix,
        name="responder",
        protocol=broker.protocol,
        ca_file=broker.ca_file,
        reply_name=broker.level,
        connect_timeout=None,
    ) as client:
        condition.client = client
        yield Transport(MqttAnswerSink(client, now), lambda: condition.follow(client), client)


@asynccontextmanager
async def over_sender(
    settings: ResponderSettings, url: str, condition: Health, turns: Turns, faults: FaultLog, now: Callable[[], float]
) -> AsyncIterator[Transport]:
    """Ready to register; `url` is our own, where the sender finds us unless a setting says otherwise."""
    assert settings.sender_url is not None  # noqa: S101 - this way is chosen by it
    callback = settings.callback_url or f"{url}/api/message-received"
    key = settings.api_key.get_secret_value() if settings.api_key else None
    async with LegacySender(settings.sender_url, callback, key) as sender:
        condition.sender = sender
        yield Transport(LegacyAnswerSink(sender, turns, now), lambda: stay_registered(sender, faults))
