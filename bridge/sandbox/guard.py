"""Who may speak to the sandbox: programs and pages of this machine, and nobody through a proxy.

The sandbox has no password. Listening on loopback keeps other machines out; these checks keep out pages of other
sites that a browser of this machine shows (DNS rebinding, cross-site posts and sockets), and what a proxy forwards.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


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


def refusal(headers: Headers) -> str | None:
    """Why a request with these headers is refused, or null."""
    if any(name == "forwarded" or name.startswith("x-forwarded-") for name in headers):
        return "The sandbox does not answer through a proxy."
    host = headers.get("host", "")
    if not is_loopback(host):
        return "The sandbox answers only under a loopback name (127.0.0.1, localhost or [::1])."
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "The sandbox answers only its own pages."
    return None


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine's loopback."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name or "").is_loopback
    except ValueError:
        return False
