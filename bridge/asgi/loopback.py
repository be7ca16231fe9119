"""The rule for servers that answer without credentials: only this machine is answered, and nothing a proxy forwarded.

Listening on loopback keeps other machines out. A page of another site in a browser of this machine still reaches
loopback (DNS rebinding, cross-site posts and sockets), hence the checks of Host and Origin.
"""

from __future__ import annotations

import ipaddress
from enum import Enum, auto
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.asgi.refusal import Refuse

#: The names of this machine. Not all of 127.0.0.0/8: only the address that the server listens on may be another one.
_NAMES = ("localhost", "127.0.0.1", "::1")
_PROXY_HEADERS = frozenset({"forwarded", "forwarded-for", "via", "cdn-loop", "x-forwarded", "x-host", "x-cluster-ip"})
_PROXY_PREFIXES = ("x-forwarded-", "x-original-", "x-real-", "x-envoy-", "x-azure-", "x-appengine-", "cf-", "fly-")
_PROXY_SUFFIXES = ("client-ip", "clientip", "real-ip", "connecting-ip", "proxyuser-ip", "forwarded-for")


class LoopbackBreach(Enum):
    """The header that breaks the rule."""

    FORWARDED = auto()
    HOST = auto()
    ORIGIN = auto()


class LoopbackOnly:
    """ASGI middleware for HTTP and WebSocket: refuses with 403 what breaks the rule. `server` names it in the text."""

    def __init__(self, app: ASGIApp, server: str, refuse: Refuse) -> None:
        self._app = app
        self._server = server
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] in ("http", "websocket") and (found := breach(scope)):
            app = self._refuse(scope, HTTPException(403, explain(found, self._server)))
        await app(scope, receive, send)


def breach(scope: Scope) -> LoopbackBreach | None:
    """What breaks the rule in a request, if anything does."""
    headers = Headers(scope=scope)
    if any(map(_is_of_a_proxy, headers)):
        return LoopbackBreach.FORWARDED
    host = headers.get("host", "")
    if _split(f"//{host}").hostname not in (*_NAMES, (scope.get("server") or ("",))[0]):
        return LoopbackBreach.HOST
    origin = headers.get("origin")
    if origin is not None and _split(origin).netloc != host:
        return LoopbackBreach.ORIGIN
    return None


def explain(found: LoopbackBreach, server: str, hint: str = "") -> str:
    """One sentence for the caller, with `server` as its subject and, optionally, how to lift the rule."""
    match found:
        case LoopbackBreach.FORWARDED:
            return f"{server} does not answer through a proxy.{hint}"
        case LoopbackBreach.HOST:
            return f"{server} answers only under a loopback name (127.0.0.1, localhost, [::1]).{hint}"
        case LoopbackBreach.ORIGIN:
            return f"{server} does not answer pages of other sites."


def is_loopback(name: str | None) -> bool:
    """Whether a host name or address belongs to this machine."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name or "").is_loopback
    except ValueError:
        return False


def _is_of_a_proxy(header: str) -> bool:
    """Whether a header (its name in lower case) is one that proxies add."""
    return header in _PROXY_HEADERS or header.startswith(_PROXY_PREFIXES) or header.endswith(_PROXY_SUFFIXES)


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # for example an unclosed bracket
        return urlsplit("")
