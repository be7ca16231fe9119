"""What a cell of a workbook shows: numbers as they are dialled, dates by the format of their cell. Pure."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta

#: Ids of the formats that every workbook has and that show a date or a time.
_BUILT_IN_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
#: What of a format is no letter of a date: quoted text, escaped characters, `[Red]`, `[$-409]`.
_NO_DATE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^]]*\]', re.IGNORECASE)
_DATE_LETTERS = re.compile(r"[dmyhs]", re.IGNORECASE)
#: Day 0 of a workbook. Day 60 is 29 February 1900 there, which never was: days before it are one later.
_DAY_0, _DAY_0_OF_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - a cell has no time zone
#: Days to the end of the year 9999.
_LAST_DAY = 2_958_465


def shows_date(format_id: int, custom: dict[int, str]) -> bool:
    """Whether cells of a format show a date or a time; `custom` are the workbook's own formats by id."""
    if format_id in custom:
        return _DATE_LETTERS.search(_NO_DATE.sub("", custom[format_id].partition(";")[0])) is not None
    return format_id in _BUILT_IN_DATES


def number_text(written: str) -> str:
    """A stored number without exponent where it is whole, as phone numbers are."""
    try:
        value = float(written)
    except ValueError:
        return written.strip()
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value.is_integer() else f"{value:.15g}"


def date_text(written: str, *, since_1904: bool = False) -> str:
    """A stored day number as a date, with the time where it has one; a fraction of a day alone is a time."""
    try:
        days = float(written)
    except ValueError:
        return written.strip()
    if not 0 <= days <= _LAST_DAY:
        return number_text(written)
    zero = _DAY_0_OF_1904 if since_1904 else _DAY_0
    early = not since_1904 and 1 <= days < 60
    moment = zero + timedelta(days=int(days) + early, seconds=round((days - int(days)) * 86_400))
    if days < 1:
        return f"{moment:%H:%M}"
    return f"{moment:%d/%m/%Y}" if moment.hour == moment.minute == 0 else f"{moment:%d/%m/%Y %H:%M}"


def iso_date_text(written: str) -> str:
    """A date that is stored as text (`2026-08-01T00:00:00`)."""
    try:
        moment = datetime.fromisoformat(written.strip())
    except ValueError:
        return written.strip()
    return f"{moment:%d/%m/%Y}" if moment.hour == moment.minute == 0 else f"{moment:%d/%m/%Y %H:%M}"
