"""Refuses bodies that are not declared as JSON, which is what a form of another site can send."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.asgi.body import has_body
from bridge.asgi.refusal import Refuse


class JsonOnly:
    """ASGI middleware: 415 for a body whose Content-Type is neither application/json nor application/*+json.

    `other` has the type that paths with another one take.
    """

    def __init__(self, app: ASGIApp, refuse: Refuse, *, other: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._refuse = refuse
        self._other = other or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and has_body(scope) and not self._is_taken(scope):
            app = self._refuse(scope, HTTPException(415, ""))
        await app(scope, receive, send)

    def _is_taken(self, scope: Scope) -> bool:
        kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
        if (other := self._other.get(scope["path"])) is not None:
            return kind == other
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
