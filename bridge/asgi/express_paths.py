"""Spellings of the legacy paths: any case, and one slash at the end. The old services were Express applications."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

_PARAMETER = re.compile(r"\{(\w+)\}")


class ExpressPaths:
    """ASGI middleware that rewrites a spelling of one of `paths` (`/api/bot-config/status/{cliente_id}`) to it.

    Parameters stay as they were written. In front of the authentication, which knows paths in one spelling only.
    """

    def __init__(self, app: ASGIApp, paths: Iterable[str]) -> None:
        self._app = app
        self._paths = [(re.compile(_expression(path), re.IGNORECASE), path) for path in paths]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (path := self._canonical(scope["path"])) is not None:
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)

    def _canonical(self, path: str) -> str | None:
        for expression, canonical in self._paths:
            if match := expression.fullmatch(path):
                return canonical.format(**match.groupdict())
        return None


def _expression(path: str) -> str:
    literal = True
    pieces = []
    for piece in _PARAMETER.split(path):
        pieces.append(re.escape(piece) if literal else f"(?P<{piece}>[^/]+)")
        literal = not literal
    return "".join(pieces) + "/?"
