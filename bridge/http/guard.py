"""The middleware in front of the routes: authentication, rate limit, body limit, security headers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

from bridge.asgi.authentication import Authentication, AuthRules, PublicPaths, client_address
from bridge.asgi.body import BodyLimit
from bridge.asgi.forwarded import Forwarded, Proxies
from bridge.asgi.json_only import JsonOnly
from bridge.asgi.rate_limit import CallerShare, RateLimit
from bridge.asgi.security_headers import SecurityHeaders
from bridge.contract.pace import Pace
from bridge.http.context import AppContext
from bridge.http.credentials import ANYBODY
from bridge.http.errors import GUARD_ERRORS, answer
from bridge.http.v1 import media_downloads
from bridge.http.v1.uploads import BODY_TYPE, UPLOAD

_log = logging.getLogger(__name__)
PUBLIC = PublicPaths(frozenset({"/", "/health", "/healthz", "/readyz", "/panel/me"}), ("/panel/static/",))
_POLICY = "default-src 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class AuthOptions:
    """`rate` is that of each key and each address. Unless `loopback_only`, credentials are needed in any case."""

    rate: Pace
    loopback_only: bool
    proxies: Proxies = field(default_factory=Proxies)


def guard(app: ASGIApp, options: AuthOptions, context: AppContext) -> ASGIApp:
    """The application behind its middleware, innermost first."""
    limits, clock = context.limits, context.clock.monotonic
    app = BodyLimit(app, limits.body, refuse, streamed=frozenset({UPLOAD}))
    app = JsonOnly(app, refuse, other={UPLOAD: BODY_TYPE})
    app = RateLimit(app, options.rate, refuse, clock)
    app = CallerShare(app, limits.requests_of_one, refuse)
    rules = AuthRules(
        server="the bridge",
        local=ANYBODY,
        public=PUBLIC,
        are_configured=context.credentials.are_configured,
        verify=context.credentials.verify,
        identify=context.logins.identify,
        trust_local=options.loopback_only,
        has_proof=_is_signed,
        challenge='Bearer realm="whatsapp-mqtt-bridge"',
        limits=limits.guesses,
    )
    return Forwarded(SecurityHeaders(Authentication(app, rules, refuse, clock), _POLICY), options.proxies)


def _is_signed(path: str, query: bytes) -> bool:
    return path.startswith(media_downloads.PREFIX) and b"signature=" in query


def refuse(scope: Scope, refused: HTTPException) -> ASGIApp:
    """The answer to a request that a middleware refused, in the form of its path."""
    error = GUARD_ERRORS[refused.status_code](refused.detail or None, refused.headers)
    _log.info("%s %s from %s: %s", scope["method"], _masked(scope["path"]), client_address(scope), error.code)
    return answer(scope["path"], error)


def _masked(path: str) -> str:
    """A path for the log: it may contain a phone number."""
    return path if len(path) <= 80 and not any(c.isdigit() for c in path) else f"{path[:12]!r}…"
