"""Reads the body of a request before anything else does: within a size and a time, whether announced or not."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.asgi.limits import BodyLimits
from bridge.asgi.refusal import Refuse

_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class BodyLimit:
    """ASGI middleware: 413 for a body that is too large, 408 for one that is too slow. It hands on the whole body."""

    def __init__(
        self, app: ASGIApp, limits: BodyLimits, refuse: Refuse, *, streamed: frozenset[str] = frozenset()
    ) -> None:
        """The routes at the paths `streamed` read their body themselves, with limits of their own."""
        self._app = app
        self._limits = limits
        self._refuse = refuse
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and has_body(scope) and scope["path"] not in self._streamed:
            try:
                receive = await read_body(receive, self._limits, Headers(scope=scope).get("content-length", ""))
            except HTTPException as error:
                app = self._refuse(scope, error)
        await app(scope, receive, send)


def has_body(scope: Scope) -> bool:
    """Whether a request sends a body that a route may read."""
    headers = Headers(scope=scope)
    return scope["method"] in _METHODS and (headers.get("content-length", "0") != "0" or "transfer-encoding" in headers)


async def read_body(receive: Receive, limits: BodyLimits, announced: str = "") -> Receive:
    """Read the body; returns a `receive` that delivers it as one message, and then what follows.

    Raises `HTTPException` 413 or 408. `announced` is the Content-Length: beyond `discarded` nothing is read.
    """
    too_large = HTTPException(413, f"The body has more than {limits.size:,} bytes.", {"Connection": "close"})
    if announced.isdigit() and int(announced) > limits.discarded:
        raise too_large
    body, size, more = bytearray(), 0, True
    try:
        async with asyncio.timeout(limits.timeout):
            while more:
                message = await receive()
                if message["type"] != "http.request":  # the client has disconnected
                    return _prepend(message, receive)
                piece = message.get("body", b"")
                size += len(piece)
                if size <= limits.size:
                    body += piece
                more = message.get("more_body", False) and size <= limits.discarded
    except TimeoutError as error:
        raise HTTPException(408, "The request did not arrive in time.", {"Connection": "close"}) from error
    if size > limits.size:
        raise too_large
    return _prepend({"type": "http.request", "body": bytes(body), "more_body": False}, receive)


def _prepend(first: Message, receive: Receive) -> Receive:
    queue = [first]

    async def receive_next() -> Message:
        return queue.pop() if queue else await receive()

    return receive_next
