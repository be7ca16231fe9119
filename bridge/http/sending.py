"""A send over HTTP: the same `submit` as MQTT, and a wait for what becomes of it."""

from __future__ import annotations

import asyncio

from bridge.contract.commands import SendCommand
from bridge.contract.errors import InvalidRequest
from bridge.contract.messages import Result
from bridge.results import result_of

from .places import Place, outbox_of, running

#: Seconds that a caller waits at most; behind a proxy that gives up after 30 s the answer still comes.
LONGEST_WAIT = 25.0


async def settle(place: Place, command: SendCommand, wait: float) -> Result:
    """Claim a command and return its result, or `accepted` when it is not final after `wait` seconds.

    Raises `InvalidRequest`, `NotConnected` for a session that does not run here, and what the store raises; then
    nothing was claimed.
    """
    if command.reply_topic is not None:
        raise InvalidRequest("reply_topic is for senders on MQTT: over HTTP the answer is the result.")
    outbox = outbox_of(place)
    result = await running(place).outbound.submit(command)
    if result.is_final or wait <= 0:
        return result
    try:
        async with asyncio.timeout(wait):
            row = await outbox.settled(result.id)
    except TimeoutError:
        return result
    return result if row is None else result_of(place.name, row)
