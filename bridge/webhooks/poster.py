"""HTTP posts to callback URLs, whose addresses are checked at each connection.

All connections go through `CheckedNetwork`. Follows no redirect, uses no proxy of the environment, keeps no
cookie.
"""

from __future__ import annotations

import asyncio
import email.utils
import logging
import ssl
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import TracebackType
from typing import Self

import httpcore
from typing_extensions import override

from bridge.contract.details import InvalidDetail
from bridge.contract.errors import InvalidRequest
from bridge.ports import Failure, Observer, PostAnswer, Posted, PostOutcome, WebhookPost
from bridge.webhooks.callback_url import CallbackRules, CallbackUrl
from bridge.webhooks.checked_network import CheckedNetwork
from bridge.webhooks.failures import POST_ERRORS, ForbiddenAddress, answer_to
from bridge.webhooks.headers import SESSION_HEADER

_log = logging.getLogger(__name__)
#: Bytes of a response that are read so that the connection can be reused; after a longer one it is closed.
RESPONSE_LIMIT = 65_536
#: Bytes of it that are shown, at most.
BEGINNING = 300
#: Seconds that an idle connection is kept: less than the 5 s after which Node.js closes it, possibly during a post.
KEEP_ALIVE = 4.0
#: Idle connections kept per receiver.
IDLE = 128


class WebhookPoster(WebhookPost):
    """An `async with`; `timeout`: seconds for a whole exchange, `legacy_timeout` with a listener of the legacy path."""

    def __init__(
        self,
        rules: CallbackRules,
        *,
        own_port: int | None,
        timeout: float = 5.0,
        legacy_timeout: float = 30.0,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._rules = rules
        self._timeout = timeout
        self._legacy_timeout = legacy_timeout
        self._observers = observers
        self._network = CheckedNetwork(rules, own_port)
        # Not httpcore's pool: it scans every connection for every request, which made 90 webhooks wait 15 s.
        # No bound either: `ConcurrencyLimit` bounds the posts, and a dead host must not use up another host's share.
        self._idle: dict[str, list[httpcore.AsyncHTTPConnection]] = {}
        # Created when first needed: reading the authorities takes a tenth of a second.
        self._tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connections in self._idle.values():
            for connection in connections:
                await connection.aclose()
        self._idle.clear()

    def normal_form(self, text: str) -> str:
        """A callback URL as it is stored. Raises `InvalidRequest` for text that is not a callback URL."""
        return str(CallbackUrl.parse(text))

    async def check(self, text: str) -> str:
        """The normal form of a callback URL that may be registered.

        Raises `InvalidRequest` for text that is not a callback URL and for one that must not be reached. A listed name
        that cannot be resolved is accepted: its host may start later, and the address is checked at each connection.
        """
        url = CallbackUrl.parse(text)
        try:
            async with asyncio.timeout(self._timeout):
                await self._network.addresses(url.host, url.port)
        except ForbiddenAddress as error:
            raise InvalidRequest(error.text, detail=error.detail) from error
        except OSError as error:  # including a timeout
            if not self._rules.names_host(url.host):
                raise InvalidRequest(
                    f"The host {url.host} of the callback URL could not be resolved.",
                    detail=InvalidDetail.URL_HOST_UNKNOWN,
                ) from error
        return str(url)

    @override
    def timeout(self, *, legacy: bool) -> float:
        return self._legacy_timeout if legacy else self._timeout

    @override
    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, legacy: bool = False) -> PostAnswer:
        begun, received = time.monotonic(), False

        async def content() -> AsyncIterator[bytes]:
            nonlocal received
            yield body
            received = True  # the client asks for more once that is written

        # Sent with a length: without it the client sends chunks, which small servers do not accept.
        head = [("Content-Length", str(len(body))), *headers.items()]
        try:
            async with asyncio.timeout(self.timeout(legacy=legacy)):
                answer = await self._exchange(url, content(), head)
        except POST_ERRORS as error:  # a timeout is an OSError
            answer = replace(answer_to(error), received=received)
        except Exception as error:  # noqa: BLE001 - nothing may stop the deliveries behind it
            _log.exception("A post failed here, not at its receiver.")
            answer = PostAnswer(failure=Failure.INTERNAL, detail=type(error).__name__)
        for observe in self._observers:
            observe(headers.get(SESSION_HEADER, ""), Posted(_outcome_of(answer), time.monotonic() - begun))
        return answer

    async def _exchange(self, url: str, content: AsyncIterator[bytes], head: list[tuple[str, str]]) -> PostAnswer:
        sent = [("Host", _host_header(url)), ("User-Agent", "whatsapp-mqtt-bridge"), ("Accept", "*/*"), *head]
        request = httpcore.Request("POST", _parsed(url), headers=sent, content=content)
        connection = await self._connection(request.url.origin)
        try:
            response = await connection.handle_async_request(request)
            whole, beginning = await _read_whole(response)
            await response.aclose()
        except BaseException:  # cancellation by the timeout, too: a half-read connection cannot be reused
            await connection.aclose()
            raise
        idle = self._idle.setdefault(str(request.url.origin), [])
        if whole and connection.is_idle() and len(idle) < IDLE:
            idle.append(connection)
        else:
            await connection.aclose()
        retry_after = _header(response.headers, b"retry-after")
        return PostAnswer(
            status=response.status,
            retry_after=retry_after_seconds(retry_after),
            received=True,
            beginning=beginning,
        )

    async def _connection(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        """The most recently used idle connection that is still open, or a new one."""
        idle = self._idle.get(str(origin), [])
        while idle:
            connection = idle.pop()
            if not connection.has_expired() and not connection.is_closed():
                return connection
            await connection.aclose()
        self._idle.pop(str(origin), None)
        if origin.scheme == b"https" and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._tls, keepalive_expiry=KEEP_ALIVE, network_backend=self._network
        )


@lru_cache(maxsize=4096)
def _parsed(url: str) -> httpcore.URL:
    return httpcore.URL(url)


def _outcome_of(answer: PostAnswer) -> PostOutcome:
    """How an answer is counted."""
    if answer.status is None or answer.status >= 500:
        return PostOutcome.FAILED
    return PostOutcome.DELIVERED if 200 <= answer.status < 300 else PostOutcome.REFUSED


async def _read_whole(response: httpcore.Response) -> tuple[bool, bytes]:
    """Read a response; returns whether all of it was within the limit, and its beginning."""
    read, beginning = 0, b""
    async for chunk in response.aiter_stream():
        if not read:
            beginning = chunk[:BEGINNING]
        read += len(chunk)
        if read > RESPONSE_LIMIT:
            return False, beginning
    return True, beginning


def _host_header(url: str) -> str:
    return url.split("://", 1)[1].split("/", 1)[0]


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    return next((value for key, value in headers if key.lower() == name), None)


def retry_after_seconds(header: bytes | None) -> float | None:
    """The seconds of a `Retry-After` header, which holds seconds or a date; None for anything else."""
    if header is None:
        return None
    text = header.decode("ascii", "replace").strip()
    if text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):  # not a date, or a year that no clock has
        return None
