"""Who a request is from, by the key or the token that it shows."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

#: Right ones that are remembered.
REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows. Prometheus knows no other way to show a key than as a bearer."""

    api_key: str
    bearer: str

    def __bool__(self) -> bool:
        return bool(self.api_key or self.bearer)


def shown_by(headers: Mapping[str, str]) -> Shown:
    """The credentials in a request's headers, whether right or wrong."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return Shown(headers.get("x-api-key", ""), bearer.strip() if scheme.lower() == "bearer" else scheme)


class HttpCredentials:
    """The configured key and secret; with neither, nobody is asked for one."""

    def __init__(self, api_key: SecretStr | None, jwt_secret: SecretStr | None, audience: str) -> None:
        self._api_key = api_key.get_secret_value().encode() if api_key else None
        self._jwt_secret = jwt_secret.get_secret_value() if jwt_secret else None
        self._audience = audience
        self._right: dict[int, None] = {}  # hashes, oldest first

    @property
    def are_configured(self) -> bool:
        """Whether a caller has to show one."""
        return self._api_key is not None or self._jwt_secret is not None

    def is_known(self, shown: Shown) -> bool:
        """Whether they were right a while ago."""
        return hash(shown) in self._right

    def principal(self, shown: Shown) -> str | None:
        """Under which name its requests count; None where nothing that it shows is right."""
        found = "the key" if self._is_key(shown) else self._subject(shown.bearer)
        if found is None:
            self._right.pop(hash(shown), None)
        else:
            self._right[hash(shown)] = None
            if len(self._right) > REMEMBERED:
                self._right.pop(next(iter(self._right)))
        return found

    def _is_key(self, shown: Shown) -> bool:
        given = (shown.api_key.encode(), shown.bearer.encode())
        return self._api_key is not None and any(hmac.compare_digest(one, self._api_key) for one in given)

    def _subject(self, token: str) -> str | None:
        if self._jwt_secret is None or not token:
            return None
        import jwt  # with its cryptography 8 MB, which only those pay who use tokens

        try:
            claims = jwt.decode(
                token,
                self._jwt_secret,
                algorithms=["HS256"],
                audience=self._audience,
                leeway=5,
                options={"require": ["exp", "aud", "sub"]},
            )
        except jwt.PyJWTError:
            return None
        words = claims.get("scope", "")
        is_admin = "admin" in (words.split() if isinstance(words, str) else map(str, words or ()))
        return f"token of {claims['sub']}" if is_admin else None
