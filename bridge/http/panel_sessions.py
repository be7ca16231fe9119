"""Sessions of the panel: a cookie for a browser, instead of a key in every request.

A session starts with a valid credential, or with a link that works once. Sessions are kept in memory: a restart of the
bridge ends them. Pages of other sites cannot use them: the cookie is SameSite=Strict, and every change also needs the
CSRF token that only our page has received.
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
#: Authorization scheme of the link's token, which works once.
LINK_SCHEME = "link"
#: Seconds after the last use at which a session ends.
IDLE_LIMIT = 12 * 3600.0
#: Seconds for which a link works.
LINK_LIMIT = 15 * 60.0
#: Maximum concurrent sessions; the oldest is evicted.
MAX_SESSIONS = 200
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class PanelSession:
    """One browser. `api_key` is verified again at each use, so that a revoked key ends its sessions."""

    principal: Principal
    csrf: str
    used_at: float
    api_key: str | None = None


class PanelSessions:
    """The panel sessions of one bridge."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._logins: dict[str, PanelSession] = {}
        self._links: dict[str, float] = {}

    def offer(self, token: str) -> None:
        """Accept a token for one log-in with every scope."""
        self._links[_hash(token)] = self._clock.monotonic() + LINK_LIMIT

    def begin(self, principal: Principal, api_key: str | None) -> tuple[str, PanelSession]:
        """Start a session; returns the value of its cookie, and the session."""
        while len(self._logins) >= MAX_SESSIONS:
            del self._logins[next(iter(self._logins))]
        cookie = secrets.token_urlsafe(32)
        login = PanelSession(principal, secrets.token_urlsafe(24), self._clock.monotonic(), api_key)
        self._logins[_hash(cookie)] = login
        return cookie, login

    def end(self, headers: Headers) -> None:
        """End the session that a request's cookie names."""
        self._logins.pop(_hash(_cookie_of(headers)), None)

    def find(self, headers: Headers) -> PanelSession | None:
        """The session that a request's cookie names."""
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
            return None  # an explicit key takes precedence over the cookie
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
