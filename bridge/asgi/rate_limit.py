"""How many requests each key and each address may make: token buckets, counted in memory. Pure: time comes in."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.contract.pace import Pace

#: Names remembered; the one that asked longest ago is forgotten first, and then has a full bucket again.
NAMES = 10_000


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """The outcome of asking: whether it was granted, and what the RateLimit headers say."""

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
        """The same as ASGI carries them."""
        return [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]


class RateLimiter:
    """A bucket for each name, `burst` deep and filled at `rate`."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name -> tokens, when

    def take(self, name: str, now: float) -> RateLimitResult | None:
        """Take one for `name`; None where nothing is limited."""
        return self._ask(name, now, 1.0)

    def look(self, name: str, now: float) -> RateLimitResult | None:
        """Whether there is one for `name`, without taking it."""
        return self._ask(name, now, 0.0)

    def _ask(self, name: str, now: float, price: float) -> RateLimitResult | None:
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
