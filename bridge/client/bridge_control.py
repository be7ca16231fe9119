"""Commands to a bridge as a whole, the statuses of bridges, and the claims by which several bridges share a session."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator

from pydantic import ValidationError

from bridge.broker import Delivery
from bridge.client.connection import Resubscribed, SharedConnection, Subscription
from bridge.client.errors import NoAnswer
from bridge.contract.leases import LeaseClaim
from bridge.contract.session_changes import BridgeCommand, BridgeControlResult
from bridge.contract.status import BridgeStatus
from bridge.contract.topics import Topics


async def control_bridge(
    connection: SharedConnection, topics: Topics, instance: str, command: BridgeCommand, timeout: float
) -> BridgeControlResult:
    """Send a command to the bridge `instance` once; returns its answer. Raises NoAnswer after `timeout` seconds."""
    command = command.model_copy(update={"id": uuid.uuid4().hex})
    try:
        async with (
            asyncio.timeout(timeout),
            connection.attached(Subscription(topics.bridge_result(instance))) as inbox,
        ):
            while not isinstance(await inbox.get(), Resubscribed):
                pass
            await connection.publish(topics.bridge_control(instance), command.model_dump_json(exclude_defaults=True))
            while True:
                delivery = await inbox.get()
                if not isinstance(delivery, Delivery) or delivery.retain:
                    continue
                try:
                    answer = BridgeControlResult.model_validate_json(delivery.payload)
                except ValidationError:
                    continue
                if answer.id == command.id:
                    return answer
    except TimeoutError as error:
        raise NoAnswer(
            f"The bridge {instance} has not answered {command.action} within {timeout:g} s.",
            session=command.session,
            id=command.id or "",
        ) from error


async def watch_bridges(
    connection: SharedConnection, topics: Topics
) -> AsyncGenerator[tuple[str, BridgeStatus | None], None]:
    """Each status of a bridge with its topic, the retained ones first; None where it was cleared. A user that may not
    read them gets none."""
    async with connection.attached(Subscription(optional=(topics.bridge_status("+"),))) as inbox:
        while True:
            match await inbox.get():
                case Delivery(topic=topic, payload=payload) if payload:
                    try:
                        yield topic, BridgeStatus.model_validate_json(payload)
                    except ValidationError:
                        continue
                case Delivery(topic=topic):
                    yield topic, None
                case _:
                    pass


async def watch_lease(connection: SharedConnection, topics: Topics, session: str) -> AsyncGenerator[LeaseClaim, None]:
    """Each claim of a session, the retained one first."""
    async with connection.attached(Subscription(topics.lease(session))) as inbox:
        while True:
            delivery = await inbox.get()
            if isinstance(delivery, Delivery) and delivery.payload:
                try:
                    yield LeaseClaim.model_validate_json(delivery.payload)
                except ValidationError:
                    continue
