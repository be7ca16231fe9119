"""Who is calling: API keys, the legacy single key, tokens. Nothing here knows a route.

A key is `wak_<id>_<secret>`; only the SHA-256 of the secret is stored (it is 192 random bits, which need no slow
hash). Whatever is wrong with a credential, the answer is the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.ports import AccessRepository, ApiKey, Clock, Scope

_KEY = re.compile(r"wak_([0-9a-f]{12})_([0-9a-f]{48})")
#: Seconds that keys are remembered: a revoked one works no longer than this.
REMEMBERED = 2.0
#: Seconds that clocks may differ for a token's expiry.
LEEWAY = 5.0
EVERYTHING = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. `id` counts requests and stands in the audit; `sessions` None = every session."""

    id: str
    scopes: frozenset[Scope]
    sessions: frozenset[str] | None = None

    def may(self, scope: Scope | None, session: str | None) -> bool:
        """Whether it may do what needs `scope` (None: any caller), on `session` (None: on none in particular)."""
        if session is not None and self.sessions is not None and session not in self.sessions:
            return False
        return scope is None or scope in self.scopes or Scope.ADMIN in self.scopes


#: Everybody on this machine, where no credential is configured.
ANYBODY = Principal("anybody on this machine", EVERYTHING)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key that was just made: the only moment at which it is whole."""

    text: str
    key: ApiKey


def new_key(name: str, scopes: Iterable[Scope], sessions: Iterable[str] | None, now: float) -> IssuedKey:
    """Make a key."""
    key_id, secret = secrets.token_hex(6), secrets.token_hex(24)
    stored = ApiKey(
        id=key_id,
        name=name,
        secret_sha256=_sha256(secret),
        scopes=frozenset(scopes),
        sessions=None if sessions is None else frozenset(sessions),
        created_at=now,
    )
    return IssuedKey(f"wak_{key_id}_{secret}", stored)


class Credentials:
    """Turns what a request brings into a principal."""

    def __init__(
        self, book: AccessRepository, clock: Clock, *, single_key: str | None, jwt_secret: str | None, audience: str
    ) -> None:
        self._book = book
        self._clock = clock
        self._single = None if single_key is None else _sha256(single_key)
        self._jwt_secret = jwt_secret
        self._audience = audience
        self._keys: dict[str, ApiKey] = {}
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def are_configured(self) -> bool:
        """Whether anybody has to show any: without a key or a secret, this machine is trusted."""
        if self._single is not None or self._jwt_secret is not None:
            return True
        await self._refresh()
        return any(key.revoked_at is None for key in self._keys.values())

    def forget(self) -> None:
        """Keys were changed by this process: they are read anew at the next request."""
        self._read_at = None

    async def principal(self, api_key: str | None, authorization: str | None) -> Principal | None:
        """Who it is; None for nobody, whatever the reason."""
        if api_key is not None:
            return await self._of_key(api_key)
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if _KEY.fullmatch(token.strip()):  # for callers that know no other header, as Prometheus
            return await self._of_key(token.strip())
        if self._jwt_secret is not None:
            return self._of_token(token.strip(), self._jwt_secret)
        return None

    async def _of_key(self, text: str) -> Principal | None:
        if self._single is not None and hmac.compare_digest(_sha256(text), self._single):
            return Principal("WHATSAPP_API_KEY", EVERYTHING)
        match = _KEY.fullmatch(text)
        if match is None:
            return None
        await self._refresh(wanted=match[1])
        key = self._keys.get(match[1])
        # compared in any case, so that time does not tell which ids exist
        right = hmac.compare_digest(_sha256(match[2]), key.secret_sha256 if key else "0" * 64)
        if key is None or not right or key.revoked_at is not None:
            return None
        return Principal(f"key {key.id}", key.scopes, key.sessions)

    def _of_token(self, token: str, secret: str) -> Principal | None:
        import jwt  # with its cryptography 10 MB, which only those pay who use tokens

        try:
            claims = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp", "aud", "sub"]},
            )
        except jwt.PyJWTError:
            return None
        scopes = frozenset(scope for scope in Scope if scope in _words(claims.get("scope")))
        sessions = claims.get("sessions")
        if sessions is not None and not isinstance(sessions, list):
            return None
        return Principal(
            f"token {str(claims['sub'])[:64]}", scopes, None if sessions is None else frozenset(map(str, sessions))
        )

    async def _refresh(self, wanted: str | None = None) -> None:
        """Read the keys when that was long ago: another process (`wa key`) changes them."""
        async with self._reading:
            now = self._clock.monotonic()
            fresh = self._read_at is not None and now - self._read_at < REMEMBERED
            # A key that was made a moment ago works at once; guesses cost a look each, and are few (see `Allowance`).
            if fresh and (wanted is None or wanted in self._keys):
                return
            self._keys = {key.id: key for key in await self._book.keys()}
            self._read_at = now


def _words(scope: object) -> list[str]:
    if isinstance(scope, str):
        return scope.split()
    return [str(word) for word in scope] if isinstance(scope, list) else []


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
