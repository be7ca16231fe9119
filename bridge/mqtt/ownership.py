"""Who owns a session: read from its retained status before anything of it is started."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import replace

from pydantic import ValidationError

from bridge.broker import BrokerError, BrokerOptions, connect
from bridge.contract.payload import instant
from bridge.contract.session import SessionState
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Topics
from bridge.ports import Clock

_log = logging.getLogger(__name__)
#: Seconds to wait for a retained status; without one nobody owns the session.
PATIENCE = 2.0
#: Seconds before a broker that did not answer is asked again.
AGAIN = 1.0


async def other_owner(
    options: BrokerOptions, topics: Topics, session: str, owner: str, clock: Clock
) -> SessionStatus | None:
    """The status of another bridge that owns `session` now, or None. Asks until a broker answers.

    Looks with a connection of its own (clean, random id, no will): using the session's own client id would throw the
    owner out.
    """
    while True:
        try:
            return await _look(options, topics, session, owner, clock)
        except BrokerError as error:
            _log.debug("%s: %s", session, error.text)
            await asyncio.sleep(AGAIN)


async def _look(options: BrokerOptions, topics: Topics, session: str, owner: str, clock: Clock) -> SessionStatus | None:
    observer = replace(options, client_id=f"wa-observer-{uuid.uuid4().hex[:12]}", clean=True, will=None)
    async with connect(observer) as connection:
        await connection.subscribe(topics.status(session))
        try:
            async with asyncio.timeout(PATIENCE):
                async for delivery in connection.deliveries():
                    connection.acknowledge(delivery)
                    status = _parse(delivery.payload)
                    return status if status and _owns(status, owner, clock) else None
        except TimeoutError:
            pass
    return None


def _parse(payload: bytes) -> SessionStatus | None:
    try:
        return SessionStatus.model_validate_json(payload)
    except ValidationError:
        _log.warning("The retained status is not one of ours and will be replaced.")
        return None


def _owns(status: SessionStatus, owner: str, clock: Clock) -> bool:
    if status.owner == owner or status.state is SessionState.OFFLINE:
        return False
    return not status.is_stale(instant(clock.now()))
