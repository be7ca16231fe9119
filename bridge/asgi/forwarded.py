"""Which client a proxy forwards for. Believed only from proxies that the settings name, and only if it is an address.

Without it every program that reaches the server could name another address in each request, and evade the limits of its
own, or write what it likes into log and audit.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.asgi.proxies import Proxies


class Forwarded:
    """ASGI middleware: sets the client and the scheme that a configured proxy reports (X-Forwarded-For, -Proto).

    `scope["state"]["peer"]` is the address that really connected.
    """

    def __init__(self, app: ASGIApp, proxies: Proxies) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (peer := scope.get("client")):
            scope.setdefault("state", {})["peer"] = peer[0]
            if peer[0] in self._proxies:
                headers = Headers(scope=scope)
                if client := self._proxies.client(", ".join(headers.getlist("x-forwarded-for"))):
                    scope["client"] = (client, 0)
                if headers.get("x-forwarded-proto") in ("http", "https"):
                    scope["scheme"] = headers["x-forwarded-proto"]
        await self._app(scope, receive, send)
