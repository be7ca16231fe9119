"""What a request presents to identify its caller: an API key, or a token (JWT)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

#: Seconds that clocks may differ for a token's expiry.
LEEWAY = 5.0


@dataclass(frozen=True, slots=True)
class PresentedCredentials:
    """`api_key` is the header x-api-key, `authorization` the whole header of that name. Not verified."""

    api_key: str | None
    authorization: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self | None:
        """The credentials in a request's headers; None where there is neither header."""
        api_key, authorization = headers.get("x-api-key"), headers.get("authorization")
        return None if api_key is None and authorization is None else cls(api_key, authorization)

    @property
    def bearer(self) -> str:
        """The token of `Authorization: Bearer`, else an empty string."""
        scheme, _, token = (self.authorization or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


class TokenDecoder:
    """Verifies tokens: HS256 with `sub`, `aud` and `exp`."""

    def __init__(self, secret: str, audience: str) -> None:
        self._secret = secret
        self._audience = audience

    def claims(self, token: str) -> Mapping[str, Any] | None:
        """The claims of a valid token, else None."""
        if not token:
            return None
        import jwt  # with its cryptography 8 to 10 MB, which only those pay who use tokens

        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp", "aud", "sub"]},
            )
        except jwt.PyJWTError:
            return None
        return claims


def scopes_of(claims: Mapping[str, Any]) -> list[str]:
    """The claim `scope`: words in a string (RFC 8693), or a list."""
    scope = claims.get("scope")
    if isinstance(scope, str):
        return scope.split()
    return [str(word) for word in scope] if isinstance(scope, list) else []
