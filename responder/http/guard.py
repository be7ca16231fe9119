"""The middleware in front of the routes: authentication, rate limit, body limit, security headers.

The same rules as in the bridge: with WHATSAPP_API_KEY, WA_JWT_SECRET or WA_RESPONDER_SECRET a caller needs one of them;
without any, only this machine is answered. Under `wa up` the bridge's keys count, too.
"""

from __future__ import annotations

from functools import partial

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Scope

from bridge.asgi.api_credentials import LOCAL, SENDER, ApiCaller, ApiCredentials, NarrowKey
from bridge.asgi.authentication import Authentication, AuthRules, PublicPaths, client_address
from bridge.asgi.bearer import PresentedCredentials
from bridge.asgi.body import BodyLimit
from bridge.asgi.forwarded import Forwarded
from bridge.asgi.loopback import breach, is_loopback
from bridge.asgi.proxies import Proxies
from bridge.asgi.rate_limit import RateLimit
from bridge.asgi.security_headers import SecurityHeaders
from bridge.contract.pace import Pace
from responder.http.limits import SurfaceLimits

_PUBLIC = PublicPaths(frozenset({"/"}), ("/health", "/readyz", "/static/"))
#: Where the sender of webhook mode posts. It shows no key; the route verifies its signature.
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
    503: "No se pueden leer las claves; probar de nuevo en unos segundos",
}


def guard(
    app: ASGIApp,
    credentials: ApiCredentials,
    rate: Pace,
    limits: SurfaceLimits,
    *,
    proxies: Proxies,
    webhook: bool,
    panel: str | None = None,
) -> ASGIApp:
    """The application behind its middleware, innermost first. `rate` is that of each caller and each address.

    `webhook`: messages come from a sender of this machine, which shows no key. `panel`: a page that shows the same.
    """
    refuse = partial(_refuse, panel)
    app = BodyLimit(app, limits.body, refuse)
    app = RateLimit(app, rate, refuse)
    rules = AuthRules(
        server="the responder",
        local=LOCAL,
        public=_PUBLIC,
        are_configured=credentials.are_configured,
        verify=credentials.verify,
        identify=_sender if webhook else _no_other,
    )
    return Forwarded(SecurityHeaders(Authentication(app, rules, refuse), _POLICY), proxies)


async def _sender(scope: Scope, headers: Headers) -> ApiCaller | None:
    if scope["path"] != _WEBHOOK or PresentedCredentials.of(headers) is not None:
        return None
    return SENDER if is_loopback(client_address(scope)) and breach(scope) is None else None


async def _no_other(_scope: Scope, _headers: Headers) -> None:
    return None


def _refuse(panel: str | None, _: Scope, refused: HTTPException) -> ASGIApp:
    content = {"error": _TEXTS.get(refused.status_code, refused.detail)}
    if isinstance(refused, NarrowKey):
        content["code"] = "narrow_key"  # for the page, which asks for another one
    if panel is not None and (refused.status_code == 401 or isinstance(refused, NarrowKey)):
        content["panel"] = panel
    return JSONResponse(content, refused.status_code, refused.headers)
