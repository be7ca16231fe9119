"""A rate limit in the form of the settings: `20/minute`, `1/30s`. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Self

from bridge.contract.errors import InvalidRequest

_SECONDS = {"s": 1.0, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_RATE = re.compile(r"(\d{1,6})\s*/\s*(\d{1,5})?\s*(s|second|minute|hour|day)")


@dataclass(frozen=True, slots=True)
class Pace:
    """`rate` per second, `burst` at once after a pause. An infinite rate means no pacing. `text` is the parsed text."""

    rate: float
    burst: int
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str, *, burst: int) -> Self:
        """Parse `20/minute`, `1/30s` or `off`. Raises `InvalidRequest`."""
        if text.strip().lower() == "off":
            return cls(math.inf, burst, "off")
        match = _RATE.fullmatch(text.strip().lower())
        if match is None or int(match[1]) == 0 or (match[2] and int(match[2]) == 0):
            raise InvalidRequest(f"{text!r} is not a pace: write for example 20/minute, 1/30s, or off.")
        return cls(int(match[1]) / (int(match[2] or 1) * _SECONDS[match[3]]), burst, text.strip())

    @classmethod
    def of_requests(cls, text: str) -> Self:
        """A pace for HTTP requests: its burst is the number of one minute. Raises `InvalidRequest`."""
        pace = cls.parse(text, burst=1)
        return pace if pace.is_off else replace(pace, burst=max(1, round(pace.rate * 60)))

    def __str__(self) -> str:
        return self.text

    @property
    def is_off(self) -> bool:
        """Whether nothing is paced."""
        return math.isinf(self.rate)
