"""The middleware in front of the routes: authentication, rate limit, body limit, security headers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

from bridge.asgi.authentication import Authentication, AuthRules, PublicPaths, client_address
from bridge.asgi.body import BodyLimit
from bridge.asgi.forwarded import Forwarded
from bridge.asgi.json_only import JsonOnly
from bridge.asgi.proxies import Proxies
from bridge.asgi.rate_limit import CallerShare, RateLimit
from bridge.asgi.security_headers import SecurityHeaders
from bridge.contract.pace import Pace
from bridge.http.context import AppContext
from bridge.http.credentials import ANYBODY, Principal
from bridge.http.errors import GUARD_ERRORS, answer
from bridge.http.v1 import campaigns, media_downloads
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
    app = BodyLimit(app, limits.body, refuse, streamed=frozenset({UPLOAD, campaigns.LISTS}))
    app = JsonOnly(app, refuse, other={UPLOAD: BODY_TYPE, campaigns.LISTS: campaigns.BODY_TYPE})
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
        of_link=partial(_of_link, context),
        challenge='Bearer realm="whatsapp-mqtt-bridge"',
        limits=limits.guesses,
    )
    return Forwarded(SecurityHeaders(Authentication(app, rules, refuse, clock), _POLICY), options.proxies)


def _of_link(context: AppContext, scope: Scope) -> Principal | None:
    """Who has a signed link to a file: it opens nothing else."""
    found = media_downloads.FILE_PATH.fullmatch(scope["path"])
    if found is None or scope["method"] not in ("GET", "HEAD"):
        return None
    session = context.media.links.session_of(found[1], QueryParams(scope["query_string"]), context.clock.now())
    return None if session is None else Principal("signed link", frozenset(), frozenset({session}))


def refuse(scope: Scope, refused: HTTPException) -> ASGIApp:
    """The answer to a request that a middleware refused, in the form of its path."""
    error = GUARD_ERRORS[refused.status_code](refused.detail or None, refused.headers)
    _log.info("%s %s from %s: %s", scope["method"], _masked(scope["path"]), client_address(scope), error.code)
    return answer(scope["path"], error)


def _masked(path: str) -> str:
    """A path for the log: it may contain a phone number."""
    return path if len(path) <= 80 and not any(c.isdigit() for c in path) else f"{path[:12]!r}…"
