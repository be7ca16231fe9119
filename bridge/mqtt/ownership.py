"""Determines a session's owner from its retained status, before any part of the session starts."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from dataclasses import dataclass, replace

from pydantic import ValidationError

from bridge.broker import Backoff, BrokerError, BrokerOptions, connect
from bridge.contract.payload import instant
from bridge.contract.session import SessionState
from bridge.contract.status import HEARTBEAT, SessionStatus
from bridge.contract.topics import Topics
from bridge.ports import Clock

_log = logging.getLogger(__name__)
#: Seconds to wait for a retained status; without one the session has no owner.
RETAINED_TIMEOUT = 2.0
#: Seconds to wait for a heartbeat of an owner whose status is old by the local clock: the clocks may differ.
HEARTBEAT_TIMEOUT = HEARTBEAT + 3.0
_BACKOFF = Backoff()


@dataclass(frozen=True, slots=True)
class Owner:
    """Another bridge, by the name in its status: the current owner, or (not `alive`) the last one."""

    name: str
    alive: bool


async def other_owner(options: BrokerOptions, topics: Topics, session: str, owner: str, clock: Clock) -> Owner | None:
    """The current or last owner of `session` other than `owner`, or None. Retries until a broker answers.

    Uses its own connection (clean, random id, no will): the session's client id would disconnect the owner.
    """
    failures = 0
    while True:
        try:
            return await _read_owner(options, topics, session, owner, clock)
        except BrokerError as error:
            failures += 1
            pause = _BACKOFF.pause(failures, random.uniform)
            _log.warning("%s: MQTT: %s Retrying in %.1f s.", session, error.text, pause)
            await asyncio.sleep(pause)


async def _read_owner(options: BrokerOptions, topics: Topics, session: str, owner: str, clock: Clock) -> Owner | None:
    observer = replace(options, client_id=f"wa-observer-{uuid.uuid4().hex[:12]}", clean=True, will=None)
    stale: Owner | None = None
    async with connect(observer) as connection:
        await connection.subscribe(topics.status(session))
        try:
            async with asyncio.timeout(RETAINED_TIMEOUT) as limit:
                async for delivery in connection.deliveries():
                    connection.acknowledge(delivery)
                    status = _parse(delivery.payload)
                    if status is None or status.owner == owner:
                        return None
                    if status.state is SessionState.OFFLINE:
                        return Owner(status.owner, alive=False)
                    if not delivery.retain or not status.is_stale(instant(clock.now())):
                        return Owner(status.owner, alive=True)
                    stale = Owner(status.owner, alive=False)
                    limit.reschedule(asyncio.get_running_loop().time() + HEARTBEAT_TIMEOUT)
        except TimeoutError:
            pass
    return stale


def _parse(payload: bytes) -> SessionStatus | None:
    try:
        return SessionStatus.model_validate_json(payload)
    except ValidationError:
        _log.warning("The retained status is invalid and will be replaced.")
        return None
