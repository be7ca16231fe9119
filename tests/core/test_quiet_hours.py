"""Quiet hours: which minutes they hold, when they end, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.quiet_hours import QuietHours

BUENOS_AIRES, BERLIN = ZoneInfo("America/Argentina/Buenos_Aires"), ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BUENOS_AIRES) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-28T20:59:59", None),
        ("2026-11-28T21:00", "2026-11-29T09:00"),
        ("2026-11-29T08:59:30", "2026-11-29T09:00"),
        ("2026-11-29T09:00", None),
        ("2026-11-29T13:30", "2026-11-29T16:00"),
        ("2026-12-31T23:00", "2027-01-01T09:00"),
    ],
)
def test_the_end_is_on_the_clock_of_the_zone(now: str, end: str | None) -> None:
    quiet = QuietHours.parse("13:00-16:00, 21:00-9:00")
    assert quiet.ends(at(now), BUENOS_AIRES) == (None if end is None else at(end))


@pytest.mark.parametrize(
    ("now", "begin"),
    [
        ("2026-11-28T12:59:30", "2026-11-28T13:00"),
        ("2026-11-28T14:00", "2026-11-28T14:00"),
        ("2026-11-28T16:00", "2026-11-28T21:00"),
        ("2026-12-31T10:00", "2026-12-31T13:00"),
    ],
)
def test_the_begin_is_on_the_clock_of_the_zone(now: str, begin: str) -> None:
    quiet = QuietHours.parse("13:00-16:00, 21:00-9:00")
    assert quiet.begins(at(now), BUENOS_AIRES) == at(begin)
    assert QuietHours().begins(at(now), BUENOS_AIRES) is None


def test_spans_that_touch_are_one() -> None:
    assert QuietHours.parse("20:00-24:00,0:00-8:00").ends(at("2026-11-28T22:00"), BUENOS_AIRES) == at(
        "2026-11-29T08:00"
    )


def test_none_is_never_quiet() -> None:
    assert QuietHours.parse(" ").ends(0.0, BUENOS_AIRES) is None


@pytest.mark.parametrize(
    "text",
    ["21-9", "21:00", "21:00-25:00", "24:00-09:00", "21:60-09:00", "mon 21:00-9:00", "9:00-9:00"],
)
def test_what_is_malformed_is_named_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"21:00-09:00"):
        QuietHours.parse(text)


@pytest.mark.parametrize("text", ["00:00-24:00", "09:00-21:00,21:00-09:00", "0:00-13:00,12:00-24:00"])
def test_a_whole_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whole day"):
        QuietHours.parse(text)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])  # the clocks of Berlin change at night
def test_the_end_comes_also_where_the_clocks_change(day: str) -> None:
    quiet, now = QuietHours.parse("01:30-02:45"), at(f"{day}T01:31", BERLIN)
    for _ in range(3):
        end = quiet.ends(now, BERLIN)
        if end is None:
            break
        assert now < end <= now + 3 * 3600
        now = end
    assert quiet.ends(now, BERLIN) is None


@given(st.integers(1_577_836_800, 1_893_456_000), st.integers(0, 1439), st.integers(1, 1439))
def test_it_ends_later_than_now_and_within_a_day(now: int, begin: int, length: int) -> None:
    end = (begin + length) % 1440
    quiet = QuietHours.parse(f"{begin // 60}:{begin % 60:02}-{end // 60}:{end % 60:02}")
    until = quiet.ends(now, UTC)
    minute = now // 60 % 1440
    assert (until is not None) is ((minute - begin) % 1440 < length)
    if until is not None:
        assert now < until <= now + 86_400
        assert quiet.ends(until, UTC) is None
