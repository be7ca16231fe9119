"""What every request passes before a route sees it: where it comes from, who sends it, how much and how fast.

ASGI, not FastAPI's dependencies: those run after the body was read and parsed, and nobody unknown may make us do that.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.asgi.loopback import LoopbackBreach, breach
from bridge.asgi.rate_limit import RateLimiter, RateLimitResult
from bridge.contract.commands import MAX_COMMAND_BYTES
from bridge.contract.errors import CodedError, TooLarge
from bridge.contract.pace import Pace
from bridge.http.credentials import ANYBODY, Credentials, Principal
from bridge.http.errors import (
    Forbidden,
    HttpError,
    RateLimited,
    RequestTimedOut,
    Unauthorized,
    UnsupportedMediaType,
    answer,
)
from bridge.http.panel_sessions import PanelSessions
from bridge.ports import Clock

_log = logging.getLogger(__name__)
#: Seconds in which a request's body has to be there.
BODY_LIMIT = 20.0
#: Bytes of a body that are read at most. What is over the limit is thrown away: a client that still sends when the
#: connection is closed never sees the answer.
DISCARDED = 10 * MAX_COMMAND_BYTES
#: Wrong credentials that an address may show: guessing must not be a matter of speed.
GUESSES = Pace.parse("20/minute", burst=20)
#: Right credentials remembered, so that guesses from their address do not shut them out.
REMEMBERED = 1000
#: Paths that need no credential: they tell nothing about anybody.
OPEN_PATHS = frozenset({"/", "/health", "/healthz", "/readyz", "/panel/me"})
OPEN_PREFIX = "/panel/static/"
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
#: Headers of every answer, unless the route has its own. Names in lower case: compared with those that are there.
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]


@dataclass(frozen=True, slots=True)
class AuthOptions:
    """`loopback_only` = the façade listens on loopback; without that, credentials are needed in any case."""

    rate: Pace
    loopback_only: bool


class AuthMiddleware:
    """ASGI middleware. Leaves the caller in `scope["state"]["principal"]`."""

    def __init__(
        self, app: ASGIApp, options: AuthOptions, credentials: Credentials, clock: Clock, logins: PanelSessions
    ) -> None:
        self._app = app
        self._options = options
        self._credentials = credentials
        self._logins = logins
        self._clock = clock
        self._allowance = RateLimiter(options.rate)
        self._guesses = RateLimiter(GUESSES)
        self._right: dict[int, None] = {}  # hashes of credentials that were right, oldest first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] != "http":
            return  # no lifespan, no websocket
        headers, told = Headers(scope=scope), list(_SECURITY)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in told if one[0] not in present)]
            await send(message)

        try:
            principal = await self._admit(scope, headers)
            address = _address_of(scope)
            # Programs of this machine that need no key are not counted either: a campaign may send as fast as it can.
            trusted = principal is ANYBODY and scope["path"] not in OPEN_PATHS
            for name in () if trusted else (principal.id, f"address {address}"):
                allowed = self._allowance.take(name, self._clock.monotonic())
                if allowed is not None:
                    told = [*_SECURITY, *allowed.raw_headers]
                    _refuse_beyond(allowed)
            scope.setdefault("state", {}).update(principal=principal, address=address)
            if _check_body(headers, scope["method"]):
                receive = await _read_body(receive)
        except CodedError as error:
            _log.info("%s %s from %s: %s", scope["method"], _route(scope["path"]), _address_of(scope), error.code)
            await answer(scope["path"], error)(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    async def _admit(self, scope: Scope, headers: Headers) -> Principal:
        """Who it is. Raises `Forbidden`, `Unauthorized` or `RateLimited`."""
        if scope["path"] in OPEN_PATHS or scope["path"].startswith(OPEN_PREFIX):
            return ANYBODY
        if self._options.loopback_only and not await self._credentials.are_configured():
            if problem := refusal(headers):
                raise Forbidden(problem)
            return ANYBODY
        if (browser := await self._logins.admit(scope["method"], headers)) is not None:
            return browser
        api_key, authorization = headers.get("x-api-key"), headers.get("authorization")
        if api_key is None and authorization is None:
            raise _unauthorized()
        address, now = _address_of(scope), self._clock.monotonic()
        shown = hash((api_key, authorization))
        guesses = self._guesses.look(address, now)
        # Who guesses must not shut out the callers that share its address: what was right a while ago is still asked.
        if guesses is not None and shown not in self._right:
            _refuse_beyond(guesses)
        principal = await self._credentials.principal(api_key, authorization)
        if principal is None:
            self._right.pop(shown, None)
            self._guesses.take(address, now)
            raise _unauthorized()
        self._right[shown] = None
        if len(self._right) > REMEMBERED:
            self._right.pop(next(iter(self._right)))
        return principal


def _unauthorized() -> Unauthorized:
    return Unauthorized(headers={"WWW-Authenticate": 'Bearer realm="whatsapp-mqtt-bridge"'})


def _check_body(headers: Headers, method: str) -> bool:
    """Whether a body comes. Raises `UnsupportedMediaType`, and `TooLarge` for one that is not even thrown away."""
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > DISCARDED:
        raise TooLarge(f"The body has {int(length):,} bytes; {MAX_COMMAND_BYTES:,} are allowed.")
    if method not in _BODY_METHODS or (length == "0" and "transfer-encoding" not in headers):
        return False
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType
    return True


async def _read_body(receive: Receive) -> Receive:
    """Read the whole body, and return a `receive` that has it. Raises `HttpTooLarge` and `RequestTimedOut`."""
    pieces: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(BODY_LIMIT):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return receive
                size += len(message.get("body", b""))
                if size <= MAX_COMMAND_BYTES:
                    pieces.append(message.get("body", b""))
                more = message.get("more_body", False) and size <= DISCARDED
    except TimeoutError as error:
        raise RequestTimedOut(headers={"Connection": "close"}) from error
    if size > MAX_COMMAND_BYTES:
        raise HttpTooLarge(headers={"Connection": "close"})
    whole: list[Message] = [{"type": "http.request", "body": b"".join(pieces), "more_body": False}]

    async def replay() -> Message:
        return whole.pop() if whole else await receive()

    return replay


class HttpTooLarge(HttpError):
    """The body turned out to be larger than it may be."""

    code, http = "too_large", 413
    sentence = f"The body has more than {MAX_COMMAND_BYTES:,} bytes."


#: Everybody on this machine is trusted where no credentials are configured, and nobody else.
_REFUSALS = {
    LoopbackBreach.FORWARDED: "Without an API key the bridge does not answer through a proxy. Set WHATSAPP_API_KEY.",
    LoopbackBreach.HOST: (
        "Without an API key the bridge answers only under a loopback name (127.0.0.1, localhost, [::1])."
    ),
    LoopbackBreach.ORIGIN: "The bridge answers no pages of other sites.",
}


def refusal(headers: Headers) -> str | None:
    """Why a request without credentials is refused, or None."""
    found = breach(headers)
    return found and _REFUSALS[found]


def _refuse_beyond(allowed: RateLimitResult) -> None:
    if not allowed.granted:
        raise RateLimited(headers=allowed.headers)


def _address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _route(path: str) -> str:
    """A path for the log: somebody may have put a number into it."""
    return path if len(path) <= 80 and not any(c.isdigit() for c in path) else f"{path[:12]!r}…"
