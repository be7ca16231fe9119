"""A send over HTTP: the same `submit` as MQTT, and a wait for what becomes of it."""

from __future__ import annotations

import asyncio

from bridge.contract.commands import SendCommand
from bridge.contract.errors import InvalidRequest
from bridge.contract.messages import Result
from bridge.results import result_of

from .places import Parts, Place, outbox_of, running

#: Seconds that a caller waits at most; behind a proxy that gives up after 30 s the answer still comes.
LONGEST_WAIT = 25.0


async def settle(parts: Parts, place: Place, command: SendCommand, wait: float) -> Result:
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
    settled = asyncio.create_task(outbox.settled(result.id), name=f"wait for {result.id}")
    closing = asyncio.create_task(parts.closing.wait(), name="closing")
    try:
        await asyncio.wait([settled, closing], timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        row = settled.result() if settled.done() else None
    finally:
        settled.cancel()
        closing.cancel()
    return result if row is None else result_of(place.name, row)
