"""Identifies the caller of each request before the body is read.

ASGI and not a dependency of the routes: those run after the body was read and parsed, and an unidentified caller must
not cause that work.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, Protocol, TypeVar

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.asgi.bearer import PresentedCredentials
from bridge.asgi.limits import GuessLimits
from bridge.asgi.loopback import breach, explain
from bridge.asgi.rate_limit import RateLimiter
from bridge.asgi.refusal import Refuse


class Identity(Protocol):
    """A caller; its requests are counted under `id`."""

    @property
    def id(self) -> str: ...


_I = TypeVar("_I", bound=Identity)


@dataclass(frozen=True, slots=True)
class PublicPaths:
    """Paths that need no credentials: their answers contain nothing private."""

    paths: frozenset[str]
    prefixes: tuple[str, ...] = ()

    def __contains__(self, path: str) -> bool:
        return path in self.paths or path.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class AuthRules(Generic[_I]):
    """How a server, named `server` in sentences, identifies callers.

    `local`: the caller where no credentials are needed; its requests are limited on public paths only.
    `trust_local`: the server listens on loopback, so programs of this machine need no credentials unless
    `are_configured`. `verify`: the caller, or None for credentials that are not valid, which counts as a guess.
    `identify`: the caller of a request that needs no key (it has a cookie, for example), or None. Both may raise
    `HTTPException`.
    """

    server: str
    local: _I
    public: PublicPaths
    are_configured: Callable[[], Awaitable[bool]]
    verify: Callable[[PresentedCredentials], Awaitable[_I | None]]
    identify: Callable[[Scope, Headers], Awaitable[_I | None]]
    trust_local: bool = True
    #: The caller of a request whose own address is the credential, such as a signed link; else None.
    of_link: Callable[[Scope], _I | None] = lambda _scope: None
    challenge: str = "Bearer"
    limits: GuessLimits = field(default_factory=GuessLimits)


class CredentialCheck(Generic[_I]):
    """Verifies credentials and limits failed attempts."""

    def __init__(self, rules: AuthRules[_I]) -> None:
        self._rules = rules
        self._guesses = RateLimiter(rules.limits.guesses)
        self._through_proxy = RateLimiter(rules.limits.through_proxy)
        self._valid: OrderedDict[int, None] = OrderedDict()  # hashes, least recently used first

    async def __call__(self, presented: PresentedCredentials | None, address: str, peer: str, now: float) -> _I:
        """`peer` is the address that connected: the client's, or a proxy's.

        Raises `HTTPException` 401 or 429, and those of `verify`.
        """
        unauthorized = HTTPException(401, "", {"WWW-Authenticate": self._rules.challenge})
        if presented is None:
            raise unauthorized
        known = hash(presented)
        if known not in self._valid:
            for guesses in (self._guesses.peek(address, now), self._through_proxy.peek(peer, now)):
                if guesses is not None:
                    guesses.check()
        principal = await self._rules.verify(presented)
        self._valid.pop(known, None)
        if principal is None:
            self._guesses.take(address, now)
            self._through_proxy.take(peer, now)
            raise unauthorized
        self._valid[known] = None
        if len(self._valid) > self._rules.limits.remembered:
            self._valid.popitem(last=False)
        return principal


class Authentication(Generic[_I]):
    """ASGI middleware for HTTP: leaves `principal`, `address`, `rate_keys` and `still_valid` in `scope["state"]`, or
    answers 401, 403, 429 or 503. Other protocols go no further.

    `still_valid`, an async function without arguments, verifies the request's credential again: a response without an
    end (an event stream) must end with it.
    """

    def __init__(
        self, app: ASGIApp, rules: AuthRules[_I], refuse: Refuse, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._rules = rules
        self._check = CredentialCheck(rules)
        self._refuse = refuse
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        app, rules, address = self._app, self._rules, client_address(scope)
        counted: tuple[str, ...] = (f"address {address}",)
        try:
            if scope["path"] in rules.public:
                principal = rules.local
            elif (found := rules.of_link(scope)) is not None:
                principal = found
            else:
                principal = await self._identify(scope, address)
                # local programs are not limited: a campaign may send as fast as it can
                counted = () if principal is rules.local else (principal.id, *counted)
            scope.setdefault("state", {}).update(
                principal=principal, address=address, rate_keys=counted, still_valid=partial(self._is_valid, scope)
            )
        except HTTPException as error:
            app = self._refuse(scope, error)
        await app(scope, receive, send)

    async def _identify(self, scope: Scope, address: str) -> _I:
        headers, rules = Headers(scope=scope), self._rules
        if rules.trust_local and not await rules.are_configured():
            if found := breach(scope):
                server = f"Without an API key {rules.server}"
                raise HTTPException(403, explain(found, server, " Set WHATSAPP_API_KEY."))
            return rules.local
        if (principal := await rules.identify(scope, headers)) is not None:
            return principal
        peer = scope.get("state", {}).get("peer", address)
        return await self._check(PresentedCredentials.of(headers), address, peer, self._clock())

    async def _is_valid(self, scope: Scope) -> bool:
        headers, rules = Headers(scope=scope), self._rules
        if rules.trust_local and not await rules.are_configured():
            return True
        try:
            if await rules.identify(scope, headers) is not None:
                return True
            presented = PresentedCredentials.of(headers)
            return presented is not None and await rules.verify(presented) is not None
        except HTTPException:
            return False


def client_address(scope: Scope) -> str:
    """The address of the client, as the server or its proxy reports it."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
