"""What every request to the sandbox passes: programs and pages of this machine only, and bodies within a limit.

The sandbox has no password: listening on loopback keeps other machines out, `LoopbackOnly` the pages of other sites.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Scope
from starlette.websockets import WebSocketClose

from bridge.asgi.body import BodyLimit
from bridge.asgi.limits import BodyLimits
from bridge.asgi.loopback import LoopbackOnly
from bridge.sandbox.media import FALLBACK

#: `size` is also the limit of one frame of a page or phone.
LIMITS = BodyLimits()
#: Where pages upload files of any size.
UPLOAD = "/mms/upload"
#: Where the file of an incoming message is sent.
INCOMING_FILE = "/api/incoming/file"
#: Where a contact's picture is sent.
PICTURE = "/api/picture"


def guard(app: ASGIApp) -> ASGIApp:
    """The application behind its middleware."""
    streamed = frozenset({UPLOAD, FALLBACK + UPLOAD, INCOMING_FILE, PICTURE})
    return LoopbackOnly(BodyLimit(app, LIMITS, _refuse, streamed=streamed), "The sandbox", _refuse)


def _refuse(scope: Scope, refused: HTTPException) -> ASGIApp:
    if scope["type"] == "websocket":
        return WebSocketClose(1008, refused.detail)
    return JSONResponse({"error": refused.detail}, refused.status_code, refused.headers)
