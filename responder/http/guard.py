"""What every request passes before a route sees it: who sends it, how many, how large.

The same rules as at the bridge: with WHATSAPP_API_KEY or WA_JWT_SECRET a caller needs one of them; with neither, only
this machine is answered.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Scope
from typing_extensions import override

from bridge.asgi.authentication import AuthBackend, Authentication, PublicPaths, client_address
from bridge.asgi.bearer import PresentedCredentials
from bridge.asgi.body import BodyLimit
from bridge.asgi.loopback import breach, is_loopback
from bridge.asgi.rate_limit import RateLimit
from bridge.asgi.security_headers import SecurityHeaders
from bridge.contract.pace import Pace
from responder.http.credentials import ApiCaller, ApiCredentials
from responder.http.limits import SurfaceLimits

_PUBLIC = PublicPaths(frozenset({"/"}), ("/health", "/readyz", "/static/"))
#: Where a legacy sender posts, which knows no key: open to this machine.
_WEBHOOK = "/api/message-received"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TEXTS = {
    401: "Unauthorized",
    408: "El pedido no llegó a tiempo",
    413: "El pedido es demasiado grande",
    429: "Demasiados pedidos; probar de nuevo en unos segundos",
}


def guard(app: ASGIApp, credentials: ApiCredentials, rate: Pace, limits: SurfaceLimits) -> ASGIApp:
    """The application behind its middleware, innermost first. `rate` is that of each caller and each address."""
    app = BodyLimit(app, limits.body, _refuse)
    app = RateLimit(app, rate, _refuse)
    app = Authentication(app, ResponderAuth(credentials), _refuse, public=_PUBLIC)
    return SecurityHeaders(app, _POLICY)


class ResponderAuth(AuthBackend[ApiCaller]):
    """The configured key and tokens, and the legacy sender without either."""

    server = "the responder"

    def __init__(self, credentials: ApiCredentials) -> None:
        super().__init__(ApiCaller("local"))
        self._credentials = credentials

    @override
    async def are_configured(self) -> bool:
        return self._credentials.are_configured

    @override
    async def verify(self, presented: PresentedCredentials) -> ApiCaller | None:
        return self._credentials.verify(presented)

    @override
    async def identify(self, scope: Scope, headers: Headers) -> ApiCaller | None:
        is_local = is_loopback(client_address(scope)) and breach(headers) is None
        return self.local if scope["path"] == _WEBHOOK and is_local else None


def _refuse(_: Scope, refused: HTTPException) -> ASGIApp:
    error = _TEXTS.get(refused.status_code, refused.detail)
    return JSONResponse({"error": error}, refused.status_code, refused.headers)
