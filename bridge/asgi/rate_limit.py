"""How many requests each key and each address may make: token buckets, counted in memory."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.asgi.refusal import Refuse
from bridge.asgi.security_headers import with_headers
from bridge.contract.pace import Pace

#: Names remembered; the one used least recently is forgotten first, and then has a full bucket again.
NAMES = 10_000


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """Result of a rate-limit check. Times are seconds from now."""

    granted: bool
    limit: int
    remaining: int
    full_in: float
    retry_after: float = 0.0

    @property
    def headers(self) -> Mapping[str, str]:
        """RateLimit headers (draft-ietf-httpapi-ratelimit-headers), and Retry-After for a refusal."""
        headers = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.full_in)),
        }
        return headers if self.granted else {**headers, "Retry-After": str(max(1, math.ceil(self.retry_after)))}

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The same headers as ASGI carries them."""
        return [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]

    def check(self) -> None:
        """Raise `HTTPException` 429 unless granted."""
        if not self.granted:
            raise HTTPException(429, "", self.headers)


class RateLimiter:
    """A bucket for each name, `burst` deep and filled at `rate`. Pure: `now` is a parameter."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name -> tokens, when

    def take(self, name: str, now: float) -> RateLimitResult | None:
        """Take one token of `name`; None where nothing is limited."""
        return self._check(name, now, 1.0)

    def peek(self, name: str, now: float) -> RateLimitResult | None:
        """Whether `name` has a token left, without taking it."""
        return self._check(name, now, 0.0)

    def _check(self, name: str, now: float, price: float) -> RateLimitResult | None:
        pace = self._pace
        if pace.is_off:
            return None
        tokens, then = self._buckets.pop(name, (float(pace.burst), now))
        tokens = min(float(pace.burst), tokens + max(0.0, now - then) * pace.rate)
        granted = tokens >= 1.0
        if granted:
            tokens -= price
        self._buckets[name] = tokens, now
        if len(self._buckets) > NAMES:
            self._buckets.popitem(last=False)
        return RateLimitResult(
            granted=granted,
            limit=pace.burst,
            remaining=int(tokens),
            full_in=(pace.burst - tokens) / pace.rate,
            retry_after=0.0 if granted else (1.0 - tokens) / pace.rate,
        )


class RateLimit:
    """ASGI middleware: 429 beyond `pace`, for each name that `Authentication` left in `scope["state"]["rate_keys"]`."""

    def __init__(self, app: ASGIApp, pace: Pace, refuse: Refuse, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._limiter = RateLimiter(pace)
        self._refuse = refuse
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        try:
            for name in scope["state"]["rate_keys"]:
                if (result := self._limiter.take(name, self._clock())) is not None:
                    send = with_headers(send, result.raw_headers)
                    result.check()
        except HTTPException as error:
            app = self._refuse(scope, error)
        await app(scope, receive, send)


class CallerShare:
    """ASGI middleware: 429 beyond `most` requests in progress of one caller, so that others find a connection."""

    def __init__(self, app: ASGIApp, most: int, refuse: Refuse) -> None:
        self._app = app
        self._most = most
        self._refuse = refuse
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names: tuple[str, ...] = scope["state"]["rate_keys"][:1]  # the caller; public paths have only an address
        if any(self._running[name] >= self._most for name in names):
            await self._refuse(scope, HTTPException(429, "", {"Retry-After": "5"}))(scope, receive, send)
            return
        self._running.update(names)
        try:
            await self._app(scope, receive, send)
        finally:
            self._running.subtract(names)
            self._running += Counter()  # forgets those that have none
