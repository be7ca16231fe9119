"""Access control: only programs and pages of this machine, and no request through a proxy.

The sandbox has no password. Listening on loopback excludes other machines; these checks exclude pages of other sites
in a browser of this machine (DNS rebinding, cross-site posts and sockets) and requests forwarded by a proxy.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.asgi.loopback import LoopbackBreach, breach


class LoopbackOnly:
    """ASGI middleware: 403 for a foreign Host or Origin and for forwarded requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it with one sentence."""
        problem = refusal(Headers(scope=scope)) if scope["type"] in ("http", "websocket") else None
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem})
        else:
            await JSONResponse({"error": problem}, status_code=403)(scope, receive, send)


#: Maximum bytes of a request body, and of one frame of a page or phone.
MAX_BODY = 1_000_000


class BoundedBody:
    """ASGI middleware: 413 for a body larger than `MAX_BODY`, with or without a Content-Length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body and pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        pieces: list[Message] = []
        size = 0
        while not pieces or pieces[-1].get("more_body", False):
            pieces.append(await receive())
            size += len(pieces[-1].get("body", b""))
            if size > MAX_BODY:
                error = {"error": f"The body has more than {MAX_BODY:,} bytes."}
                await JSONResponse(error, 413, {"Connection": "close"})(scope, receive, send)
                return
        pieces.reverse()

        async def replay() -> Message:
            return pieces.pop() if pieces else await receive()

        await self._app(scope, replay, send)


_REFUSALS = {
    LoopbackBreach.FORWARDED: "The sandbox does not answer through a proxy.",
    LoopbackBreach.HOST: "The sandbox answers only under a loopback host name (127.0.0.1, localhost or [::1]).",
    LoopbackBreach.ORIGIN: "The sandbox answers only its own pages.",
}


def refusal(headers: Headers) -> str | None:
    """Why a request with these headers is refused, or None."""
    found = breach(headers)
    return found and _REFUSALS[found]
