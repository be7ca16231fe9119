"""Verifies the key or the token that a request presents."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr
from starlette.exceptions import HTTPException

from bridge.asgi.bearer import PresentedCredentials, TokenDecoder, scopes_of


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """A caller; its requests are counted under `id`."""

    id: str


#: Programs of this machine that need no credentials.
LOCAL = ApiCaller("local")
#: Who posts to the webhook without a key: what it posts counts only with the sender's signature.
SENDER = ApiCaller("sender")


class KeysUnreadable(HTTPException):
    """The stored keys cannot be read: the credential may be valid, so this is no guess."""

    def __init__(self) -> None:
        super().__init__(503, "The keys cannot be read at the moment; see the log.", {"Retry-After": "5"})


class NarrowKey(HTTPException):
    """A key or token that is valid and may not do everything, as these callers must; no guess either."""

    def __init__(self) -> None:
        super().__init__(403, "A key or token with the scope admin for all sessions is needed here; this one has less.")


class SharedCredentials(Protocol):
    """The credentials of another server in this process, which count here too: under `wa up` those of the bridge."""

    @property
    def panel(self) -> str | None:
        """Address of a page that people reach with the same credentials."""

    @property
    def secret(self) -> str:
        """What the parts of the process show; it may be another one at each start."""

    async def are_configured(self) -> bool:
        """Whether its callers need credentials."""

    async def verify(self, presented: PresentedCredentials) -> ApiCaller | None:
        """The caller, who may do everything there; None for credentials that are not valid.

        Raises `NarrowKey`, `KeysUnreadable`.
        """


class ApiCredentials:
    """The configured keys, the secret of tokens, and what this server shares with another one of its process."""

    def __init__(
        self,
        *keys: SecretStr | None,
        jwt_secret: SecretStr | None = None,
        audience: str = "",
        shared: SharedCredentials | None = None,
    ) -> None:
        self._keys = [key.get_secret_value() for key in keys if key]  # an empty one matches a caller without headers
        self._tokens = TokenDecoder(jwt_secret.get_secret_value(), audience) if jwt_secret else None
        self._shared = shared

    async def are_configured(self) -> bool:
        """Whether callers need credentials."""
        if self._keys or self._tokens is not None:
            return True
        return self._shared is not None and await self._shared.are_configured()

    async def verify(self, presented: PresentedCredentials) -> ApiCaller | None:
        """The caller; None for credentials that are not valid. A token needs the scope `admin` for every session.

        Raises `NarrowKey`, `KeysUnreadable`.
        """
        if any(presents(presented, key) for key in self._keys):
            return ApiCaller("the key")
        claims = self._tokens.claims(presented.bearer) if self._tokens is not None else None
        if claims is not None:
            if "admin" not in scopes_of(claims) or claims.get("sessions") is not None:
                raise NarrowKey
            return ApiCaller(f"token of {claims['sub']}")
        return None if self._shared is None else await self._shared.verify(presented)


def presents(presented: PresentedCredentials, key: str) -> bool:
    """Whether this is the key. As a bearer, too: Prometheus has no other way to present one."""
    given, wanted = (presented.api_key, presented.bearer, presented.authorization), key.encode()
    return any(hmac.compare_digest((one or "").encode("utf-8", "surrogateescape"), wanted) for one in given)
