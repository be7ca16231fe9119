"""Sessions of the panel: a cookie for a browser, instead of a key in every request.

A session starts with a valid credential, or with a link that works once, and ends with that credential: each use
verifies it. Sessions are kept in memory: a restart of the bridge ends them. Pages of other sites cannot use them: the
cookie is SameSite=Strict, and every change also needs the CSRF token that only our page has received.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import Counter
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope as ASGIScope

from bridge.asgi.bearer import PresentedCredentials
from bridge.http.credentials import ANYBODY, EVERYTHING, Credentials, Principal
from bridge.http.login_link import take_link
from bridge.ports import Clock

COOKIE = "wa_panel"
CSRF_HEADER = "x-csrf-token"
#: Authorization scheme of the link's token, which works once.
LINK_SCHEME = "link"
#: Seconds after the last use at which a session ends.
IDLE_LIMIT = 12 * 3600.0
#: Seconds for which a link works.
LINK_LIMIT = 15 * 60.0
#: Concurrent sessions of one caller, and of all; the oldest of the caller that has most is evicted.
LOGINS_OF_ONE, MAX_SESSIONS = 20, 1000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class PanelSession:
    """One browser. `presented` is what it was made from; None = a link, or the trust in this machine.

    `outlives_trust`: made from that trust, it also made the first key, which ends the trust and must not lock it out.
    """

    principal: Principal
    csrf: str
    used_at: float
    presented: PresentedCredentials | None = None
    outlives_trust: bool = False


class PanelSessions:
    """The panel sessions of one bridge."""

    def __init__(self, credentials: Credentials, clock: Clock, data_dir: Path | None = None) -> None:
        """`data_dir`: where `wa panel` leaves further links."""
        self._data_dir = data_dir
        self._credentials = credentials
        self._clock = clock
        self._logins: dict[str, PanelSession] = {}
        self._links: dict[str, float] = {}

    def offer(self, token: str) -> None:
        """Accept a token for one log-in with every scope."""
        self._links[_hash(token)] = self._clock.monotonic() + LINK_LIMIT

    def spend(self, headers: Headers) -> bool:
        """Use up the link that a request presents; returns whether it was valid."""
        if not (token := _link_of(headers)):
            return False
        key = link_hash(token)
        if self._links.pop(key, 0.0) > self._clock.monotonic():
            return True
        return self._data_dir is not None and take_link(self._data_dir, key, self._clock.now())

    def begin(self, principal: Principal, headers: Headers) -> tuple[str, PanelSession]:
        """Start a session for the caller of a request; returns the value of its cookie, and the session.

        It replaces the one that the request's cookie names, and inherits from it what the request does not present.
        """
        before = self.find(headers)
        self.end(headers)
        login = PanelSession(principal, secrets.token_urlsafe(24), self._clock.monotonic())
        if _is_explicit(headers):
            login.presented = None if _link_of(headers) else PresentedCredentials.of(headers)
        elif before is not None:
            login.presented, login.outlives_trust = before.presented, before.outlives_trust
        self._make_room(principal)
        cookie = secrets.token_urlsafe(32)
        self._logins[_hash(cookie)] = login
        return cookie, login

    def _make_room(self, principal: Principal) -> None:
        counts = Counter(login.principal.id for login in self._logins.values())
        if counts[principal.id] >= LOGINS_OF_ONE:
            evicted = principal.id
        elif len(self._logins) >= MAX_SESSIONS:
            evicted = counts.most_common(1)[0][0]
        else:
            return
        del self._logins[next(key for key, login in self._logins.items() if login.principal.id == evicted)]

    def keep(self, headers: Headers) -> None:
        """Let the session of a request outlive the trust in this machine: the request made a key."""
        if (login := self.find(headers)) is not None:
            login.outlives_trust = True

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
        if _link_of(headers):
            return Principal("link of wa up", EVERYTHING) if self.spend(headers) else None
        if _is_explicit(headers) or (login := self.find(headers)) is None:
            return None  # an explicit key takes precedence over the cookie
        if scope["method"] not in _SAFE and not hmac.compare_digest(
            headers.get(CSRF_HEADER, "").encode(), login.csrf.encode()
        ):
            raise HTTPException(403, f"A change from a browser needs {CSRF_HEADER}. Load the page again.")
        if (principal := await self._verify(login)) is None:
            self.end(headers)
            return None
        login.principal, login.used_at = principal, self._clock.monotonic()
        return principal

    async def _verify(self, login: PanelSession) -> Principal | None:
        """The caller of a session; None when what it was made from is no longer valid."""
        if login.presented is not None:
            return await self._credentials.verify(login.presented)
        if login.principal == ANYBODY and not login.outlives_trust and await self._credentials.are_configured():
            return None
        return login.principal


def _is_explicit(headers: Headers) -> bool:
    return "x-api-key" in headers or bool(headers.get("authorization"))


def _link_of(headers: Headers) -> str:
    """The token of `Authorization: Link`, else an empty string."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == LINK_SCHEME else ""


def _cookie_of(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def link_hash(token: str) -> str:
    """What is kept of a link's token."""
    return _hash(token)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
