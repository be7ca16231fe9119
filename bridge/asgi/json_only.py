"""Refuses bodies that are not declared as JSON, which is what a form of another site can send."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.asgi.body import has_body
from bridge.asgi.refusal import Refuse


class JsonOnly:
    """ASGI middleware: 415 for a body whose Content-Type is neither application/json nor application/*+json."""

    def __init__(self, app: ASGIApp, refuse: Refuse) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and has_body(scope) and not _is_json(Headers(scope=scope)):
            app = self._refuse(scope, HTTPException(415, ""))
        await app(scope, receive, send)


def _is_json(headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
