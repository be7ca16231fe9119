"""Who owns a session: read from its retained status before anything of it is started."""

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
#: Seconds to wait for a retained status; without one nobody owns the session.
RETAINED_TIMEOUT = 2.0
#: Seconds to wait for a sign of life from an owner whose status is old by our clock: it may be the clocks that differ.
LIFE_SIGN = HEARTBEAT + 3.0
_BACKOFF = Backoff()


@dataclass(frozen=True, slots=True)
class Owner:
    """Another bridge, by the name in its status: it has the session, or (not `alive`) it was the last that had it."""

    name: str
    alive: bool


async def other_owner(options: BrokerOptions, topics: Topics, session: str, owner: str, clock: Clock) -> Owner | None:
    """Another bridge than `owner` that has or last had `session`, or None. Asks until a broker answers.

    Looks with a connection of its own (clean, random id, no will): using the session's own client id would throw the
    owner out.
    """
    failures = 0
    while True:
        try:
            return await _look(options, topics, session, owner, clock)
        except BrokerError as error:
            failures += 1
            pause = _BACKOFF.pause(failures, random.uniform)
            _log.warning("%s: MQTT: %s Trying again in %.1f s.", session, error.text, pause)
            await asyncio.sleep(pause)


async def _look(options: BrokerOptions, topics: Topics, session: str, owner: str, clock: Clock) -> Owner | None:
    observer = replace(options, client_id=f"wa-observer-{uuid.uuid4().hex[:12]}", clean=True, will=None)
    silent: Owner | None = None
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
                    silent = Owner(status.owner, alive=False)
                    limit.reschedule(asyncio.get_running_loop().time() + LIFE_SIGN)
        except TimeoutError:
            pass
    return silent


def _parse(payload: bytes) -> SessionStatus | None:
    try:
        return SessionStatus.model_validate_json(payload)
    except ValidationError:
        _log.warning("The retained status is not one of ours and will be replaced.")
        return None
