"""What every request passes first: who sends it, and the headers that every answer carries.

As at the bridge's façade: with WHATSAPP_API_KEY or WA_JWT_SECRET a caller shows one of them; with neither only this
machine is answered, and neither through a proxy nor for the pages of other sites.
"""

from __future__ import annotations

import hmac

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.contract.loopback import Breach, breach, is_loopback
from responder.http.body import LARGEST, BodyTooLarge, BodyTooSlow, read_body

#: Paths that need no credentials: they tell nothing about anybody.
_OPEN = ("/health", "/readyz", "/static/")
#: Where a legacy sender posts, which knows no key: open to this machine.
_WEBHOOK = "/api/message-received"
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


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, api_key: SecretStr | None, jwt_secret: SecretStr | None, audience: str) -> None:
        self._app = app
        self._audience = audience
        self._api_key = api_key.get_secret_value() if api_key else None
        self._jwt_secret = jwt_secret.get_secret_value() if jwt_secret else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refusal(scope, Headers(scope=scope))
        if refused is None:
            try:
                receive = await read_body(receive)
            except BodyTooLarge:
                refused = JSONResponse({"error": "El pedido es demasiado grande"}, 413, {"Connection": "close"})
            except BodyTooSlow:
                refused = JSONResponse({"error": "El pedido no llegó a tiempo"}, 408, {"Connection": "close"})
        await (refused or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > LARGEST:
            return JSONResponse({"error": "El pedido es demasiado grande"}, 413)
        path: str = scope["path"]
        if path == "/" or path.startswith(_OPEN):
            return None
        if self._api_key is None and self._jwt_secret is None:
            problem = not_from_here(headers)
            return JSONResponse({"error": problem}, 403) if problem else None
        if path == _WEBHOOK and _is_this_machine(scope) and not_from_here(headers) is None:
            return None
        if self._has_key(headers) or self._has_token(headers):
            return None
        return JSONResponse({"error": "Unauthorized"}, 401, {"WWW-Authenticate": "Bearer"})

    def _has_key(self, headers: Headers) -> bool:
        if self._api_key is None:
            return False
        # as a bearer, too: Prometheus knows no other way to show a key
        shown = (headers.get("x-api-key", ""), headers.get("authorization", "").removeprefix("Bearer "))
        return any(hmac.compare_digest(given.encode(), self._api_key.encode()) for given in shown)

    def _has_token(self, headers: Headers) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if self._jwt_secret is None or scheme.lower() != "bearer":
            return False
        import jwt  # with its cryptography 8 MB, which only those pay who use tokens

        try:
            claims = jwt.decode(
                token.strip(),
                self._jwt_secret,
                algorithms=["HS256"],
                audience=self._audience,
                leeway=5,
                options={"require": ["exp", "aud", "sub"]},
            )
        except jwt.PyJWTError:
            return False
        words = claims.get("scope", "")
        return "admin" in (words.split() if isinstance(words, str) else map(str, words or ()))


_REFUSALS = {
    Breach.FORWARDED: "Without an API key the responder does not answer through a proxy. Set WHATSAPP_API_KEY.",
    Breach.HOST: "Without an API key the responder answers only under a loopback name (127.0.0.1, localhost, [::1]).",
    Breach.ORIGIN: "The responder answers no pages of other sites.",
}


def not_from_here(headers: Headers) -> str | None:
    """Why a request without credentials is refused, or None."""
    found = breach(headers)
    return found and _REFUSALS[found]


def _is_this_machine(scope: Scope) -> bool:
    client = scope.get("client")
    return client is not None and is_loopback(str(client[0]))
