"""Reads a request's body before anything else does: within a size and a time, announced or not."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

#: Bytes of a body, and seconds in which it has to be here.
LARGEST, PATIENCE = 1_000_000, 15.0
#: So much is read and thrown away, so that who sends it gets the answer and not a connection that breaks.
DISCARDED = 10 * LARGEST


class BodyTooLarge(Exception):
    """It is larger than `LARGEST`."""


class BodyTooSlow(Exception):
    """It was not here in time."""


async def read_body(receive: Receive) -> Receive:
    """A `receive` that has the whole body, and then goes on as the given one. Raises BodyTooLarge, BodyTooSlow."""
    body, size, more = bytearray(), 0, True
    try:
        async with asyncio.timeout(PATIENCE):
            while more:
                message = await receive()
                if message["type"] != "http.request":  # the client has gone
                    return _first(message, receive)
                piece = message.get("body", b"")
                size += len(piece)
                if size <= LARGEST:
                    body += piece
                more = message.get("more_body", False) and size <= DISCARDED
    except TimeoutError as error:
        raise BodyTooSlow from error
    if size > LARGEST:
        raise BodyTooLarge
    return _first({"type": "http.request", "body": bytes(body), "more_body": False}, receive)


def _first(message: Message, then: Receive) -> Receive:
    left = [message]

    async def receive() -> Message:
        return left.pop() if left else await then()

    return receive
