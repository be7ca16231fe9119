"""Identifies the caller of each request before the body is read.

ASGI and not a dependency of the routes: those run after the body was read and parsed, and an unidentified caller must
not cause that work.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypeVar

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.asgi.bearer import PresentedCredentials
from bridge.asgi.loopback import breach, explain
from bridge.asgi.rate_limit import RateLimiter
from bridge.asgi.refusal import Refuse
from bridge.contract.pace import Pace


class Identity(Protocol):
    """A caller; its requests are counted under `id`."""

    @property
    def id(self) -> str: ...


_I = TypeVar("_I", bound=Identity)


class AuthBackend(ABC, Generic[_I]):
    """How a server verifies credentials. `server` is its name in sentences, such as "the bridge"."""

    server: ClassVar[str]
    challenge: ClassVar[str] = "Bearer"  # of WWW-Authenticate

    def __init__(self, local: _I) -> None:
        #: The caller where no credentials are needed. Its requests are not limited, except on public paths.
        self.local = local

    @abstractmethod
    async def are_configured(self) -> bool:
        """Whether callers need credentials; without any, the programs of this machine are trusted."""

    @abstractmethod
    async def verify(self, presented: PresentedCredentials) -> _I | None:
        """The caller whose credentials these are; None where they are not valid, for whatever reason."""

    @abstractmethod
    async def identify(self, scope: Scope, headers: Headers) -> _I | None:
        """The caller of a request that needs no key (it has a cookie, for example). Raises `HTTPException`."""


@dataclass(frozen=True, slots=True)
class PublicPaths:
    """Paths that need no credentials: their answers contain nothing private."""

    paths: frozenset[str]
    prefixes: tuple[str, ...] = ()

    def __contains__(self, path: str) -> bool:
        return path in self.paths or path.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """`guesses` = failed attempts of each address; `remembered` = valid credentials that are exempt from it.

    Without the exemption, failed guesses would lock out other callers behind the same address.
    """

    guesses: Pace = field(default_factory=lambda: Pace.parse("20/minute", burst=20))
    remembered: int = 1000


class CredentialCheck(Generic[_I]):
    """Verifies credentials and limits failed attempts."""

    def __init__(self, backend: AuthBackend[_I], limits: GuessLimits) -> None:
        self._backend = backend
        self._remembered = limits.remembered
        self._guesses = RateLimiter(limits.guesses)
        self._valid: OrderedDict[int, None] = OrderedDict()  # hashes, least recently used first

    async def __call__(self, presented: PresentedCredentials | None, address: str, now: float) -> _I:
        """Raises `HTTPException` 401 or 429."""
        unauthorized = HTTPException(401, "", {"WWW-Authenticate": self._backend.challenge})
        if presented is None:
            raise unauthorized
        known = hash(presented)
        guesses = self._guesses.peek(address, now)
        if guesses is not None and known not in self._valid:
            guesses.check()
        principal = await self._backend.verify(presented)
        self._valid.pop(known, None)
        if principal is None:
            self._guesses.take(address, now)
            raise unauthorized
        self._valid[known] = None
        if len(self._valid) > self._remembered:
            self._valid.popitem(last=False)
        return principal


class Authentication(Generic[_I]):
    """ASGI middleware for HTTP: leaves `principal`, `address` and `rate_keys` in `scope["state"]`, or answers 401, 403
    or 429. Other protocols go no further. `trust_local` = the server listens on loopback.
    """

    def __init__(
        self,
        app: ASGIApp,
        backend: AuthBackend[_I],
        refuse: Refuse,
        *,
        public: PublicPaths,
        trust_local: bool = True,
        limits: GuessLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._backend = backend
        self._check = CredentialCheck(backend, limits or GuessLimits())
        self._refuse = refuse
        self._public = public
        self._trust_local = trust_local
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        app, address = self._app, client_address(scope)
        try:
            if scope["path"] in self._public:
                principal = self._backend.local
                counted: tuple[str, ...] = (f"address {address}",)
            else:
                principal = await self._identify(scope, address)
                # local programs are not limited: a campaign may send as fast as it can
                counted = () if principal is self._backend.local else (principal.id, f"address {address}")
            scope.setdefault("state", {}).update(principal=principal, address=address, rate_keys=counted)
        except HTTPException as error:
            app = self._refuse(scope, error)
        await app(scope, receive, send)

    async def _identify(self, scope: Scope, address: str) -> _I:
        headers = Headers(scope=scope)
        if self._trust_local and not await self._backend.are_configured():
            if found := breach(headers):
                server = f"Without an API key {self._backend.server}"
                raise HTTPException(403, explain(found, server, " Set WHATSAPP_API_KEY."))
            return self._backend.local
        if (principal := await self._backend.identify(scope, headers)) is not None:
            return principal
        return await self._check(PresentedCredentials.of(headers), address, self._clock())


def client_address(scope: Scope) -> str:
    """The address of the client, as the server or its proxy reports it."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
