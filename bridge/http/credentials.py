"""Identifies callers: API keys, the legacy single key, tokens. Knows no route.

A key is `wak_<id>_<secret>`; only the SHA-256 of the secret is stored (it is 192 random bits, which need no slow
hash). Whatever is wrong with a credential, the answer is the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.asgi.api_credentials import ApiCaller, KeysUnreadable, NarrowKey, presents
from bridge.asgi.bearer import PresentedCredentials, TokenDecoder, scopes_of
from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import parse_recipient
from bridge.ports import EVERY_CHAT, AccessRepository, AgentGrant, ApiKey, Clock, Right, Scope, StoreUnusable

_log = logging.getLogger(__name__)
_KEY = re.compile(r"wak_([0-9a-f]{12})_([0-9a-f]{48})")
#: Chats that an agent's key lists.
MAX_CHATS = 100
EVERYTHING = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. Requests are counted under `id`, which is also the audit's actor; `sessions` None = every session.

    An agent has its `key` here: it may use the paths of agents, and nothing else whatever that needs.
    """

    id: str
    scopes: frozenset[Scope]
    sessions: frozenset[str] | None = None
    agent: ApiKey | None = None

    def may(self, scope: Scope | None, session: str | None) -> bool:
        """Whether it may use `scope` (None: any caller may) on `session` (None: no session in particular)."""
        if self.agent is not None:
            return False
        if session is not None and self.sessions is not None and session not in self.sessions:
            return False
        return scope is None or scope in self.scopes or Scope.ADMIN in self.scopes

    def may_all(self, scope: Scope | None, sessions: Iterable[str] | None) -> bool:
        """Whether it may use `scope` on each of `sessions`; None = on every session that there may be."""
        if sessions is None:
            return self.sessions is None and self.may(scope, None)
        return all(self.may(scope, session) for session in sessions)


#: Programs of this machine, where no credential is configured.
ANYBODY = Principal("anybody on this machine", EVERYTHING)

#: The commands of the one who may read the data directory.
COMMAND_LINE = Principal("command line", EVERYTHING)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its secret, which is stored nowhere."""

    text: str
    key: ApiKey


def new_key(
    name: str,
    scopes: Iterable[Scope],
    sessions: Iterable[str] | None,
    now: float,
    agent: AgentGrant | None = None,
) -> IssuedKey:
    """Make a key; storing it is the caller's work. One with `agent` is an agent's, whatever the scopes."""
    key_id, secret = secrets.token_hex(6), secrets.token_hex(24)
    stored = ApiKey(
        id=key_id,
        name=name,
        secret_sha256=_sha256(secret),
        scopes=frozenset() if agent else frozenset(scopes),
        sessions=None if sessions is None else frozenset(sessions),
        created_at=now,
        agent=agent,
    )
    return IssuedKey(f"wak_{key_id}_{secret}", stored)


def grant_of(chats: Mapping[str, Iterable[Right]], *, approval: bool) -> AgentGrant:
    """The rights of an agent's key, by number or address, or `EVERY_CHAT`. Raises `InvalidRequest`."""
    if not 0 < len(chats) <= MAX_CHATS:
        raise InvalidRequest(f"An agent's key has 1 to {MAX_CHATS} chats.")
    found: dict[str, frozenset[Right]] = {}
    for spelled, rights in chats.items():
        chat = spelled if spelled == EVERY_CHAT else str(parse_recipient(spelled))
        found[chat] = found.get(chat, frozenset()) | frozenset(rights)
    return AgentGrant(found, approval)


class Credentials:
    """Verifies credentials against the stored keys, the single key and the token secret.

    `key_cache` is how many seconds the stored keys are cached: another process (`wa key`) changes them. `command_key`
    is that of the commands on this machine; it alone does not end the trust in other programs of this machine.
    """

    def __init__(
        self,
        book: AccessRepository,
        clock: Clock,
        *,
        single_key: str | None,
        jwt_secret: str | None,
        audience: str,
        key_cache: float,
        command_key: str | None = None,
    ) -> None:
        self._book = book
        self._clock = clock
        self._single = None if single_key is None else _sha256(single_key)
        self._command = None if command_key is None else _sha256(command_key)
        self._tokens = None if jwt_secret is None else TokenDecoder(jwt_secret, audience)
        self._key_cache = key_cache
        self._keys: dict[str, ApiKey] = {}
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def are_configured(self) -> bool:
        """Whether callers need credentials: without a key or a secret, this machine is trusted."""
        if self._single is not None or self._tokens is not None:
            return True
        await self._refresh()
        return any(key.revoked_at is None for key in self._keys.values())

    def forget(self) -> None:
        """Read the keys again at the next request: this process changed them."""
        self._read_at = None

    async def verify(self, presented: PresentedCredentials) -> Principal | None:
        """The caller; None for credentials that are not valid, for whatever reason."""
        if presented.api_key is not None:
            return await self._of_key(presented.api_key)
        if _KEY.fullmatch(presented.bearer):  # for callers that know no other header, such as Prometheus
            return await self._of_key(presented.bearer)
        if self._tokens is not None and (claims := self._tokens.claims(presented.bearer)) is not None:
            return _of_claims(claims)
        return None

    async def _of_key(self, text: str) -> Principal | None:
        if self._single is not None and hmac.compare_digest(_sha256(text), self._single):
            return Principal("WHATSAPP_API_KEY", EVERYTHING)
        if self._command is not None and hmac.compare_digest(_sha256(text), self._command):
            return COMMAND_LINE
        match = _KEY.fullmatch(text)
        if match is None:
            return None
        await self._refresh(wanted=match[1])
        key = self._keys.get(match[1])
        # compared in any case, so that the time of the answer does not reveal which ids exist
        right = hmac.compare_digest(_sha256(match[2]), key.secret_sha256 if key else "0" * 64)
        if key is None or not right or key.revoked_at is not None:
            return None
        return Principal(f"key {key.id}", key.scopes, key.sessions, key if key.agent else None)

    async def _refresh(self, wanted: str | None = None) -> None:
        async with self._reading:
            now = self._clock.monotonic()
            fresh = self._read_at is not None and now - self._read_at < self._key_cache
            # A new key works at once; a guess costs one query, and guesses are limited (`GuessLimits`).
            if fresh and (wanted is None or wanted in self._keys):
                return
            self._keys = {key.id: key for key in await self._book.keys()}
            self._read_at = now


class ServiceCredentials:
    """Who may call a service in the bridge's process (`SharedCredentials`): who may do everything at the bridge.

    `credentials` are the bridge's, once its store is open. With `always` the bridge asks for them without a key, too.
    The parts of this process show `secret`: the key of the commands would open the bridge to a program that has taken
    over the service's port.
    """

    def __init__(
        self, credentials: Callable[[], Awaitable[Credentials]], secret: str, *, panel: str | None, always: bool
    ) -> None:
        self._credentials = credentials
        self._always = always
        self.secret = secret
        #: The address of the bridge's panel.
        self.panel = panel

    async def are_configured(self) -> bool:
        """Whether the bridge asks for credentials; also where its store was closed before the service ended."""
        try:
            return self._always or await (await self._credentials()).are_configured()
        except StoreUnusable:
            return True

    async def verify(self, presented: PresentedCredentials) -> ApiCaller | None:
        """The caller: this process, or one with the scope `admin` for all sessions.

        Raises `NarrowKey`, `KeysUnreadable`.
        """
        if presents(presented, self.secret):
            return ApiCaller("this process")
        try:
            principal = await (await self._credentials()).verify(presented)
        except StoreUnusable as error:
            _log.warning("The responder refused a request, since the keys cannot be read: %s", error)
            raise KeysUnreadable from error
        if principal is None:
            return None
        if not principal.may_all(Scope.ADMIN, None):
            raise NarrowKey
        return ApiCaller(principal.id)


def _of_claims(claims: Mapping[str, Any]) -> Principal | None:
    given, sessions = scopes_of(claims), claims.get("sessions")
    if sessions is not None and not isinstance(sessions, list):
        return None
    return Principal(
        f"token {str(claims['sub'])[:64]}",
        frozenset(scope for scope in Scope if scope in given),
        None if sessions is None else frozenset(map(str, sessions)),
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
