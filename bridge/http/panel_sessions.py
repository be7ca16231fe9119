"""Log-ins of the panel: a cookie for a browser, in place of a key in every request.

A log-in begins with a credential that the gate accepted, or with a link that works once. It lives in memory: a restart
of the bridge ends it. Pages of other sites cannot use it: the cookie is SameSite=Strict, and whatever changes something
also needs the token that only our page was told.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope as ASGIScope

from bridge.asgi.bearer import PresentedCredentials
from bridge.http.credentials import EVERYTHING, Credentials, Principal
from bridge.ports import Clock

COOKIE = "wa_panel"
CSRF_HEADER = "x-csrf-token"
#: Scheme under which the link's token is shown, once.
LINK_SCHEME = "link"
#: Seconds that a log-in lasts, from its last use.
IDLE_LIMIT = 12 * 3600.0
#: Seconds in which a link has to be followed.
LINK_LIMIT = 15 * 60.0
#: Log-ins at once; the oldest goes.
MOST = 200
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class PanelSession:
    """One browser. `api_key` is asked again at each use, so that a revoked key ends what was begun with it."""

    principal: Principal
    csrf: str
    used_at: float
    api_key: str | None = None


class PanelSessions:
    """The log-ins of one bridge."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._logins: dict[str, PanelSession] = {}
        self._links: dict[str, float] = {}

    def offer(self, token: str) -> None:
        """Let a token log in, once, as somebody who may do everything."""
        self._links[_hash(token)] = self._clock.monotonic() + LINK_LIMIT

    def begin(self, principal: Principal, api_key: str | None) -> tuple[str, PanelSession]:
        """Log in; returns the cookie's value and the log-in."""
        while len(self._logins) >= MOST:
            del self._logins[next(iter(self._logins))]
        cookie = secrets.token_urlsafe(32)
        login = PanelSession(principal, secrets.token_urlsafe(24), self._clock.monotonic(), api_key)
        self._logins[_hash(cookie)] = login
        return cookie, login

    def end(self, headers: Headers) -> None:
        """Log out."""
        self._logins.pop(_hash(_cookie_of(headers)), None)

    def find(self, headers: Headers) -> PanelSession | None:
        """The log-in that a request's cookie names."""
        key = _hash(_cookie_of(headers))
        login = self._logins.get(key)
        if login is not None and self._clock.monotonic() - login.used_at > IDLE_LIMIT:
            del self._logins[key]
            return None
        return login

    async def identify(self, scope: ASGIScope, headers: Headers) -> Principal | None:
        """The caller whose cookie or link this is, or None. Raises `HTTPException` 403 without the CSRF token."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == LINK_SCHEME:
            due = self._links.pop(_hash(token.strip()), 0.0)
            return Principal("link of wa up", EVERYTHING) if due > self._clock.monotonic() else None
        if "x-api-key" in headers or scheme:
            return None  # whoever shows a key means that one
        login = self.find(headers)
        if login is None:
            return None
        if scope["method"] not in _SAFE and not hmac.compare_digest(
            headers.get(CSRF_HEADER, "").encode(), login.csrf.encode()
        ):
            raise HTTPException(403, f"A change from a browser needs {CSRF_HEADER}. Load the page again.")
        if login.api_key is not None:
            principal = await self._credentials.verify(PresentedCredentials(login.api_key))
            if principal is None:
                self.end(headers)
                return None
            login.principal = principal
        login.used_at = self._clock.monotonic()
        return login.principal


def _cookie_of(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
