"""What every request passes first: who sends it, how many, how large; and the headers that every answer carries.

As at the bridge's façade: with WHATSAPP_API_KEY or WA_JWT_SECRET a caller shows one of them; with neither only this
machine is answered, and neither through a proxy nor for the pages of other sites.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.asgi.loopback import LoopbackBreach, breach, is_loopback
from bridge.asgi.rate_limit import RateLimiter, RateLimitResult
from bridge.contract.pace import Pace
from responder.http.body import LARGEST, BodyTooLarge, BodyTooSlow, read_body
from responder.http.credentials import HttpCredentials, shown_by

#: Paths that need no credentials: they tell nothing about anybody.
_OPEN = ("/health", "/readyz", "/static/")
#: Where a legacy sender posts, which knows no key: open to this machine.
_WEBHOOK = "/api/message-received"
#: Wrong credentials that an address may show: guessing must not be a matter of speed.
GUESSES = Pace.parse("20/minute", burst=20)
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}


class RequestRefused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, error: str, **headers: str) -> None:
        super().__init__(error)
        self.answer = JSONResponse({"error": error}, status, {k.replace("_", "-"): v for k, v in headers.items()})


class HttpGate:
    """ASGI middleware. `rate` is that of each credential and each address."""

    def __init__(
        self, app: ASGIApp, credentials: HttpCredentials, rate: Pace, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._credentials = credentials
        self._clock = clock
        self._allowance = RateLimiter(rate)
        self._guesses = RateLimiter(GUESSES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] != "http":
            return
        told = dict(_SECURITY)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in told.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            headers = Headers(scope=scope)
            for name in self._counted(scope, headers):
                told |= self._take(name)
            length = headers.get("content-length", "0")
            if length.isdigit() and int(length) > LARGEST:
                raise BodyTooLarge
            receive = await read_body(receive)
        except RequestRefused as refused:
            await refused.answer(scope, receive, guarded)
        except BodyTooLarge:
            await RequestRefused(413, "El pedido es demasiado grande", Connection="close").answer(
                scope, receive, guarded
            )
        except BodyTooSlow:
            await RequestRefused(408, "El pedido no llegó a tiempo", Connection="close").answer(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)

    def _counted(self, scope: Scope, headers: Headers) -> tuple[str, ...]:
        """The names under which the request counts; none for a trusted program of this machine. Raises Refused."""
        path, address = scope["path"], _address(scope)
        if path == "/" or path.startswith(_OPEN):
            return (address,)
        if not self._credentials.are_configured:
            if found := breach(headers):
                raise RequestRefused(403, _REFUSALS[found])
            return ()
        if path == _WEBHOOK and is_loopback(address) and breach(headers) is None:
            return ()
        if not (shown := shown_by(headers)):
            raise _unauthorized()
        # who guesses must not shut out the callers that share its address: what was right is still asked
        if not self._credentials.is_known(shown):
            _refuse_beyond(self._guesses.look(address, self._clock()))
        if (principal := self._credentials.principal(shown)) is None:
            self._guesses.take(address, self._clock())
            raise _unauthorized()
        return (principal, address)

    def _take(self, name: str) -> dict[str, str]:
        """Count the request; what is to be told of the count. Raises Refused."""
        allowed = self._allowance.take(name, self._clock())
        _refuse_beyond(allowed)
        return dict(allowed.headers) if allowed else {}


def _unauthorized() -> RequestRefused:
    return RequestRefused(401, "Unauthorized", WWW_Authenticate="Bearer")


def _refuse_beyond(allowed: RateLimitResult | None) -> None:
    if allowed is not None and not allowed.granted:
        names = {name.replace("-", "_"): value for name, value in allowed.headers.items()}
        raise RequestRefused(429, "Demasiados pedidos; probar de nuevo en unos segundos", **names)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


_REFUSALS = {
    LoopbackBreach.FORWARDED: "Without an API key the responder does not answer through a proxy. Set WHATSAPP_API_KEY.",
    LoopbackBreach.HOST: (
        "Without an API key the responder answers only under a loopback name (127.0.0.1, localhost, [::1])."
    ),
    LoopbackBreach.ORIGIN: "The responder answers no pages of other sites.",
}
