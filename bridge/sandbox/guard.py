"""Who may speak to the sandbox: programs and pages of this machine, and nobody through a proxy.

The sandbox has no password. Listening on loopback keeps other machines out; these checks keep out pages of other
sites that a browser of this machine shows (DNS rebinding, cross-site posts and sockets), and what a proxy forwards.
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
        """Let the request through, or refuse it with one sentence."""
        problem = refusal(Headers(scope=scope)) if scope["type"] in ("http", "websocket") else None
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem})
        else:
            await JSONResponse({"error": problem}, status_code=403)(scope, receive, send)


#: Bytes of a request's body, and of one frame of a page or phone.
LARGEST = 1_000_000


class BoundedBody:
    """ASGI middleware: 413 for a body that is larger than `LARGEST`, announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, and hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        pieces: list[Message] = []
        size = 0
        while not pieces or pieces[-1].get("more_body", False):
            pieces.append(await receive())
            size += len(pieces[-1].get("body", b""))
            if size > LARGEST:
                error = {"error": f"The body has more than {LARGEST:,} bytes."}
                await JSONResponse(error, 413, {"Connection": "close"})(scope, receive, send)
                return
        pieces.reverse()

        async def again() -> Message:
            return pieces.pop() if pieces else await receive()

        await self._app(scope, again, send)


_REFUSALS = {
    LoopbackBreach.FORWARDED: "The sandbox does not answer through a proxy.",
    LoopbackBreach.HOST: "The sandbox answers only under a loopback name (127.0.0.1, localhost or [::1]).",
    LoopbackBreach.ORIGIN: "The sandbox answers only its own pages.",
}


def refusal(headers: Headers) -> str | None:
    """Why a request with these headers is refused, or None."""
    found = breach(headers)
    return found and _REFUSALS[found]
