"""Determines a session's owner from its retained status, before any part of the session starts."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace

from pydantic import ValidationError

from bridge.broker import RECONNECT, BrokerError, connect
from bridge.contract.payload import instant
from bridge.contract.session import SessionState
from bridge.contract.status import SessionStatus
from bridge.mqtt.options import MqttOptions
from bridge.ports import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """Another bridge, by the name in its status: the current owner, or (not `alive`) the last one."""

    name: str
    alive: bool


async def other_owner(mqtt: MqttOptions, session: str, clock: Clock) -> Owner | None:
    """The current or last owner of `session` other than this bridge, or None. Retries until a broker answers.

    Uses its own connection (clean, random id, no will): the session's client id would disconnect the owner.
    """
    failures = 0
    while True:
        try:
            return await _read_owner(mqtt, session, clock)
        except BrokerError as error:
            failures += 1
            pause = RECONNECT.pause(failures, random.random())  # noqa: S311 - spreads bridges, guards nothing
            _log.warning("%s: MQTT: %s Retrying in %.1f s.", session, error.text, pause)
            await asyncio.sleep(pause)


async def _read_owner(mqtt: MqttOptions, session: str, clock: Clock) -> Owner | None:
    observer = replace(mqtt.broker, client_id=f"wa-observer-{uuid.uuid4().hex[:12]}", clean=True, will=None)
    stale: Owner | None = None
    async with connect(observer) as connection:
        await connection.subscribe(mqtt.topics.status(session))
        with suppress(TimeoutError):
            async with asyncio.timeout(mqtt.limits.retained) as limit:
                async for delivery in connection.deliveries():
                    connection.acknowledge(delivery)
                    status = _parse(delivery.payload)
                    if status is None or status.owner == mqtt.owner:
                        return None
                    if status.state is SessionState.OFFLINE:
                        return Owner(status.owner, alive=False)
                    if not delivery.retain or not status.is_stale(instant(clock.now())):
                        return Owner(status.owner, alive=True)
                    stale = Owner(status.owner, alive=False)
                    limit.reschedule(asyncio.get_running_loop().time() + mqtt.limits.owner_heartbeat)
    return stale


def _parse(payload: bytes) -> SessionStatus | None:
    try:
        return SessionStatus.model_validate_json(payload)
    except ValidationError:
        _log.warning("The retained status is invalid and will be replaced.")
        return None
