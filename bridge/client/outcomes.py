"""Watches the results and acks of all commands of a session, whichever program sent them."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator

from pydantic import ValidationError

from bridge.broker import Delivery
from bridge.client.connection import Resubscribed, SharedConnection, Subscription
from bridge.contract.messages import Ack, Result
from bridge.contract.topics import Leaf, Topics

_log = logging.getLogger(__name__)


async def watch_outcomes(
    connection: SharedConnection, topics: Topics, session: str
) -> AsyncGenerator[Result | Ack | None, None]:
    """Each result and ack as it is published; None where some may be missing: first, and after each reconnection."""
    async with connection.attached(Subscription(topics.result(session), topics.ack(session))) as inbox:
        while True:
            match await inbox.get():
                case Resubscribed():
                    yield None
                case Delivery(topic=name, payload=payload) if payload and (topic := topics.parse(name)) is not None:
                    model = Ack if topic.leaf is Leaf.ACK else Result
                    try:
                        yield model.model_validate_json(payload)
                    except ValidationError:  # a control result, which has other states
                        _log.debug("%s: not a result of a send.", name)
