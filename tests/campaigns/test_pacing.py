"""The pace by properties: never outside its window, never above a cap, always the same from a seed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.contract.campaigns import CampaignPlan, Day, SendWindow
from campaigns.pacing import CampaignPace, WindowHours, draw

ZONES = ("America/Argentina/Buenos_Aires", "Europe/Madrid", "America/New_York", "UTC")
START = datetime(2026, 3, 20, 11, tzinfo=UTC).timestamp()  # a change of the clocks follows in Madrid
clock_times = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@st.composite
def plans(draw_from: st.DrawFn) -> dict[str, Any]:
    opens, closes = draw_from(st.tuples(clock_times, clock_times).filter(lambda pair: pair[0] != pair[1]))
    return {
        "name": "x",
        "variants": ["x"],
        "recipients": [{"to": "5491155500001"}],
        "window": {
            "days": draw_from(st.lists(st.sampled_from(list(Day)), min_size=1, unique=True)),
            "from": opens.isoformat("minutes"),
            "to": closes.isoformat("minutes"),
            "timezone": draw_from(st.sampled_from(ZONES)),
        },
        "pace": draw_from(st.sampled_from(["off", "2/minute", "30/hour", "1/second"])),
        "jitter": draw_from(st.floats(0, 1)),
        "per_day": draw_from(st.none() | st.integers(1, 200)),
        "warm_up": draw_from(st.lists(st.integers(1, 100), max_size=4)),
    }


def pace_of(fields: dict[str, Any], seed: int = 1) -> CampaignPace:
    return CampaignPace.of(CampaignPlan.model_validate(fields), seed)


def send_all(pace: CampaignPace, count: int, now: float = START) -> list[float]:
    """The moments of all sends, as the runner asks for them."""
    sent: list[float] = []
    while len(sent) < count:
        for _ in range(100):
            today = sum(moment >= pace.midnight(now) for moment in sent)
            last = (len(sent) - 1, sent[-1]) if sent else None
            at = pace.next_send(now, last=last, first=sent[0] if sent else None, today=today)
            if at <= now:
                break
            now = at
        else:
            raise AssertionError("it never sends")
        sent.append(now)
    return sent


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 9))
def test_every_send_is_within_the_window_the_caps_and_the_pause(fields: dict[str, Any], seed: int) -> None:
    pace = pace_of(fields, seed)
    sent = send_all(pace, 40)
    assert all(pace.hours.open_until(moment) is not None for moment in sent)
    days = Counter(pace.hours.local_date(moment) for moment in sent)
    first = pace.hours.local_date(sent[0])
    for day, count in days.items():
        cap = pace.cap((day - first).days)
        assert cap is None or count <= cap
    for n, (before, after) in enumerate(pairwise(sent)):
        assert after - before >= pace.pause_after(n) - 1e-6
        assert pace.pause_after(n) >= pace.pause * (1 - pace.jitter) - 1e-9


@settings(max_examples=40, deadline=None)
@given(plans())
def test_a_plan_with_a_seed_gives_the_same_campaign_again(fields: dict[str, Any]) -> None:
    assert send_all(pace_of(fields, 5), 15) == send_all(pace_of(fields, 5), 15)


def test_jitter_is_spread_over_both_sides() -> None:
    pauses = [pace_of({"name": "x", "variants": ["x"], "recipients": [{"to": "1"}]}).pause_after(n) for n in range(400)]
    assert 15 <= min(pauses) < 18
    assert 42 < max(pauses) <= 45
    assert abs(sum(pauses) / len(pauses) - 30) < 1.5
    assert len({draw(1, "variant", n) for n in range(1000)}) == 1000


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    window = SendWindow.model_validate({"days": ["fri"], "from": "22:00", "to": "02:00", "timezone": "UTC"})
    hours = WindowHours(window)
    saturday = datetime(2026, 11, 28, 1, tzinfo=UTC).timestamp()
    assert hours.open_until(saturday) == saturday + 3600
    assert hours.next_open(saturday + 3600) == datetime(2026, 12, 4, 22, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        ({"days": []}, "never opens"),
        ({"from": "09:00", "to": "09:00"}, "never opens"),
        ({"from": "25:00"}, "is not a time"),
        ({"timezone": "Buenos Aires"}, "is no time zone"),
    ],
)
def test_a_window_that_cannot_be_is_refused_with_what_to_write(window: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SendWindow.model_validate(window)
