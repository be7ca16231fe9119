"""Who owns a session: read from its retained status before anything of it is started."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
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
    """Another bridge, by the name in its status: it has the session, or (not `alive`) it was the last that had it."""

    name: str
    alive: bool


async def other_owner(mqtt: MqttOptions, session: str, clock: Clock) -> Owner | None:
    """Another bridge than ours that has or last had `session`, or None. Asks until a broker answers.

    Asks on a connection of its own (clean, random id, no will): using the session's own client id would disconnect the
    owner.
    """
    failures = 0
    while True:
        try:
            return await _ask(mqtt, session, clock)
        except BrokerError as error:
            failures += 1
            pause = RECONNECT.pause(failures, random.random())  # noqa: S311 - spreads bridges, guards nothing
            _log.warning("%s: MQTT: %s Trying again in %.1f s.", session, error.text, pause)
            await asyncio.sleep(pause)


async def _ask(mqtt: MqttOptions, session: str, clock: Clock) -> Owner | None:
    observer = replace(mqtt.broker, client_id=f"wa-observer-{uuid.uuid4().hex[:12]}", clean=True, will=None)
    silent: Owner | None = None
    async with connect(observer) as connection:
        await connection.subscribe(mqtt.topics.status(session))
        try:
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
                    silent = Owner(status.owner, alive=False)
                    limit.reschedule(asyncio.get_running_loop().time() + mqtt.limits.sign_of_life)
        except TimeoutError:
            pass
    return silent


def _parse(payload: bytes) -> SessionStatus | None:
    try:
        return SessionStatus.model_validate_json(payload)
    except ValidationError:
        _log.warning("The retained status is not in the contract's form and will be replaced.")
        return None
