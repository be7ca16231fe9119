"""Business hours, as settings write them: `lun-vie 09:00-18:00; sab 09:00-13:00`. Pure.

A range may pass midnight (`18:00-09:00`); it belongs to the day on which it begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

#: The days as `written_hours` names them.
_NAMES = ("lun", "mar", "mie", "jue", "vie", "sab", "dom")
_DAYS = {
    **{name: number for number, name in enumerate(_NAMES)},
    **{name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))},
    "mié": 2,
    "sáb": 5,
}
_TIME = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class OpeningSpan:
    """Minutes of one day of the week (0 = Monday); an end before the beginning is on the next day."""

    day: int
    begin: int
    end: int

    def holds(self, day: int, minute: int) -> bool:
        """Whether the span contains this minute of this day."""
        if self.begin < self.end:
            return day == self.day and self.begin <= minute < self.end
        return (day == self.day and minute >= self.begin) or (day == (self.day + 1) % 7 and minute < self.end)


@dataclass(frozen=True, slots=True)
class Hours:
    """When messages are answered; without spans, always."""

    spans: tuple[OpeningSpan, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Raises ValueError with the wrong part and an example."""
        spans: list[OpeningSpan] = []
        for part in filter(None, (piece.strip().casefold() for piece in text.split(";"))):
            days, _, times = part.partition(" ")
            for times_of_day in filter(None, (piece.strip() for piece in times.split(","))):
                begin, dash, end = times_of_day.partition("-")
                if not dash:
                    raise ValueError(_wrong(part))
                spans += [OpeningSpan(day, _minute(begin, part), _minute(end, part)) for day in _days(days, part)]
            if not times.strip():
                raise ValueError(_wrong(part))
        return cls(tuple(spans))

    def by_day(self) -> list[str]:
        """The times of each day from Monday on, as `09:00-13:00, 15:00-19:00`; empty for a day without."""
        return [
            ", ".join(f"{_clock(span.begin)}-{_clock(span.end)}" for span in self.spans if span.day == day)
            for day in range(len(_NAMES))
        ]

    def are_open(self, moment: datetime) -> bool:
        """Whether `moment`, in the time zone of the business, is within the hours."""
        day, minute = moment.weekday(), moment.hour * 60 + moment.minute
        return not self.spans or any(span.holds(day, minute) for span in self.spans)


def written_hours(days: Sequence[str]) -> str:
    """The setting for the times of each day from Monday on. Raises ValueError for what is no time."""
    runs: list[tuple[int, int, str]] = []
    for day, times in enumerate(" ".join(text.split()) for text in days):
        if times and runs and runs[-1][1] == day - 1 and runs[-1][2] == times:
            runs[-1] = (runs[-1][0], day, times)
        elif times:
            runs.append((day, day, times))
    written = "; ".join(
        f"{_NAMES[first]}{'' if first == last else f'-{_NAMES[last]}'} {times}" for first, last, times in runs
    )
    Hours.parse(written)
    return written


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _days(text: str, part: str) -> list[int]:
    first, dash, last = text.partition("-")
    if first not in _DAYS or (dash and last not in _DAYS):
        raise ValueError(_wrong(part))
    begin, end = _DAYS[first], _DAYS[last or first]
    return [(begin + step) % 7 for step in range((end - begin) % 7 + 1)]


def _minute(text: str, part: str) -> int:
    match = _TIME.fullmatch(text.strip())
    minute = int(match[1]) * 60 + int(match[2]) if match else _MINUTES + 1
    if minute > _MINUTES:
        raise ValueError(_wrong(part))
    return minute


def _wrong(part: str) -> str:
    return f"{part!r} is not days and times: write for example lun-vie 09:00-13:00,15:00-19:00; sab 09:00-13:00"
