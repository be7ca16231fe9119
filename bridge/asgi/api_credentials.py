"""Verifies the key or the token that a request presents."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from pydantic import SecretStr

from bridge.asgi.bearer import PresentedCredentials, TokenDecoder, scopes_of


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """A caller; its requests are counted under `id`."""

    id: str


#: Programs of this machine that need no credentials.
LOCAL = ApiCaller("local")
#: Who posts to the webhook without a key: what it posts counts only with the sender's signature.
SENDER = ApiCaller("sender")


class ApiCredentials:
    """The configured key and the secret of tokens."""

    def __init__(self, api_key: SecretStr | None, jwt_secret: SecretStr | None, audience: str) -> None:
        self._api_key = api_key.get_secret_value().encode() if api_key else None
        self._tokens = TokenDecoder(jwt_secret.get_secret_value(), audience) if jwt_secret else None

    async def are_configured(self) -> bool:
        """Whether callers need credentials."""
        return self._api_key is not None or self._tokens is not None

    async def verify(self, presented: PresentedCredentials) -> ApiCaller | None:
        """The caller; None for credentials that are not valid. A token needs the scope `admin`."""
        if self._is_key(presented):
            return ApiCaller("the key")
        claims = self._tokens.claims(presented.bearer) if self._tokens is not None else None
        if claims is None or "admin" not in scopes_of(claims):
            return None
        return ApiCaller(f"token of {claims['sub']}")

    def _is_key(self, presented: PresentedCredentials) -> bool:
        # as a bearer, too: Prometheus has no other way to present a key
        given = (presented.api_key, presented.bearer, presented.authorization)
        return self._api_key is not None and any(
            hmac.compare_digest((one or "").encode("utf-8", "surrogateescape"), self._api_key) for one in given
        )
