"""Hours in which bulk messages are held, as a setting writes them: `21:00-09:00`, `13:00-16:00,21:00-09:00`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Self

_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]?\d|2[0-3]):([0-5]\d)|(24):(00))")
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Minutes of each day, in the local time of the zone that the caller gives. A span may pass midnight."""

    minutes: frozenset[int] = frozenset()
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a comma list of spans; none = never. Raises ValueError with the wrong part and an example."""
        minutes: set[int] = set()
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            match = _SPAN.fullmatch(part)
            if match is None:
                raise ValueError(f"{part!r} is not from-to: write for example 21:00-09:00")
            begin = int(match[1]) * 60 + int(match[2])
            end = int(match[3] or match[5]) * 60 + int(match[4] or match[6])
            if begin == end:
                raise ValueError(f"{part!r} begins where it ends: write for example 21:00-09:00")
            minutes.update(minute % _DAY for minute in range(begin, end if end > begin else end + _DAY))
        if len(minutes) == _DAY:
            raise ValueError("covers the whole day, so that nothing could ever be sent")
        return cls(frozenset(minutes), text.strip())

    def __str__(self) -> str:
        return self.text

    def begins(self, unix_now: float, zone: tzinfo) -> float | None:
        """When the next quiet time begins (unix time); `unix_now` while it is quiet; None: it never is."""
        if not self.minutes:
            return None
        now = datetime.fromtimestamp(unix_now, zone)
        minute = now.hour * 60 + now.minute
        if minute in self.minutes:
            return unix_now
        left = next(ahead for ahead in range(1, _DAY) if (minute + ahead) % _DAY in self.minutes)
        begin = now.replace(second=0, microsecond=0) + timedelta(minutes=left)  # local time, as on the wall
        return at if (at := begin.timestamp()) > unix_now else unix_now + 60.0

    def ends(self, unix_now: float, zone: tzinfo) -> float | None:
        """When the quiet time ends (unix time) that holds at `unix_now`; None: it is not quiet.

        Where the clocks are changed meanwhile, that time may still be quiet: ask again then.
        """
        now = datetime.fromtimestamp(unix_now, zone)
        minute = now.hour * 60 + now.minute
        if minute not in self.minutes:
            return None
        left = next(ahead for ahead in range(1, _DAY) if (minute + ahead) % _DAY not in self.minutes)
        end = now.replace(second=0, microsecond=0) + timedelta(minutes=left)  # local time, as on the wall
        return at if (at := end.timestamp()) > unix_now else unix_now + 60.0
