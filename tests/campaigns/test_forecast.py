"""The announced end: that of the slower one of campaign and bridge, against both simulated message by message."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.client import SessionStatus
from bridge.contract.pace import Pace
from bridge.contract.quiet_hours import QuietHours
from bridge.core.budgets import FirstMessages
from campaigns.forecast import BridgePace, CampaignLoad, campaign_ends
from campaigns.pacing import CampaignPace
from tests.campaigns.conftest import ALWAYS, CampaignsHarness, number
from tests.campaigns.test_pacing import START, pace_of, plans
from tests.contract.test_golden import GOLDEN

HOUR, DAY = 3600.0, 86_400.0
BUENOS_AIRES = ZoneInfo("America/Argentina/Buenos_Aires")
#: Ten in the morning there.
MORNING = datetime(2026, 3, 20, 10, tzinfo=BUENOS_AIRES).timestamp()
PLAN: dict[str, Any] = {"name": "x", "variants": ["x"], "recipients": [{"to": "5491155500001"}], "jitter": 0}


def campaign_end(pace: CampaignPace, bridge: BridgePace, now: float, left: int, strangers: int) -> float | None:
    """The end of a campaign that is alone in its session."""
    return campaign_ends([CampaignLoad(pace, left, strangers, now)], bridge, now)[0]


def send_all(fields: dict[str, Any], bridge: BridgePace, count: int, now: float) -> list[float]:
    """The moments of all sends, each of them a first message that waits for the campaign's turn and the bridge's."""
    pace = pace_of({**fields, "jitter": 0.0})
    rate = 1 / bridge.first_every if bridge.first_every else float("inf")
    budget = FirstMessages(Pace(rate, 1), bridge.first_per_day)
    sent: list[float] = []
    while len(sent) < count:
        for _ in range(5_000):
            today = sum(moment >= pace.midnight(now) for moment in sent)
            last = (len(sent) - 1, sent[-1]) if sent else None
            at = pace.next_send(now, last=last, first=sent[0] if sent else None, today=today)
            at = max(at, budget.ready_at(at))
            at = bridge.quiet.ends(at, bridge.zone) or at
            if at <= now:
                break
            now = at
        else:
            raise AssertionError("it never sends")
        budget.take(len(sent), now, 0.5)
        budget.settle(len(sent))
        sent.append(now)
    return sent


@settings(max_examples=150, deadline=None)
@given(
    plans(),
    st.sampled_from([0.0, 30.0, 90.0]),
    st.none() | st.integers(1, 30),
    st.sampled_from(["", "13:00-16:00", "21:00-09:00"]),
)
def test_the_announced_end_is_that_of_the_simulation(
    fields: dict[str, Any], first_every: float, per_day: int | None, quiet: str
) -> None:
    bridge = BridgePace(
        first_every=first_every, first_per_day=per_day, quiet=QuietHours.parse(quiet), zone=ZoneInfo("UTC")
    )
    try:
        sent = send_all(fields, bridge, 40, START)
    except AssertionError:
        assert quiet  # the window is quiet altogether
        return
    announced = campaign_end(pace_of({**fields, "jitter": 0.0}), bridge, START, 40, 40)
    assert announced is not None
    longest = max((after - before for before, after in pairwise(sent) if after - before < HOUR), default=0.0)
    assert abs(announced - sent[-1]) <= 2 * longest + 2


def send_both(both: list[CampaignPace], counts: list[int], now: float) -> list[float]:
    """The moment of the last send of two campaigns of a session, the older one first whenever it may."""
    sent: list[tuple[float, int]] = []  # all sends of the session
    while any(counts):
        for _ in range(5_000):
            wakes, closes = [], math.inf
            for place, pace in enumerate(both):
                own = [moment for moment, of in sent if of == place]
                last = (len(sent) - 1, sent[-1][0]) if sent else None
                today = sum(moment >= pace.midnight(now) for moment, _ in sent)
                at = pace.next_send(now, last=last, first=own[0] if own else None, today=today)
                if counts[place]:
                    wakes.append((at, place))
                full = pace.is_full(now, first=own[0] if own else None, today=today)
                until = pace.hours.open_until(now)
                if counts[place] and until is not None and not full:
                    closes = until
                    break  # the younger one waits while this one may send
            at, place = wakes[-1] if wakes[-1][0] <= now else min(wakes)
            if at <= now:
                break
            now = min(at, closes)  # its window may close before its pause ends
        else:
            raise AssertionError("it never sends")
        counts[place] -= 1
        sent.append((now, place))
    return [max(moment for moment, of in sent if of == place) for place in range(len(both))]


#: Open for one minute in a week.
NARROW = {"days": ["mon"], "from": "00:00", "to": "00:01", "timezone": "America/Argentina/Buenos_Aires"}


@settings(max_examples=80, deadline=None)
@example({**PLAN, "window": NARROW, "pace": "off"}, {**PLAN, "window": NARROW, "pace": "2/minute"})
@given(plans(), plans())
def test_the_ends_of_two_campaigns_are_those_of_both_simulated_together(
    older: dict[str, Any], younger: dict[str, Any]
) -> None:
    paces = [pace_of({**fields, "jitter": 0.0}) for fields in (older, younger)]
    sent = send_both(paces, [20, 20], START)
    announced = campaign_ends([CampaignLoad(pace, 20, 0, START) for pace in paces], BridgePace(), START)
    for end, last in zip(announced, sent, strict=True):
        assert end is not None
        assert abs(end - last) <= 300  # a pause may be cut by the other one's window


@pytest.mark.parametrize(
    ("fields", "hours"),
    [
        ([{}, {}], [5, 10]),  # one after the other
        ([{"window": {"from": "14:00", "to": "24:00"}}, {}], [9, 10]),  # the younger one until the older one opens
        ([{"per_day": 600}, {"per_day": 700}], [5, 14 + 500 / 120]),  # what the older one sent counts for both
    ],
)
def test_two_campaigns_of_a_session_share_its_number(fields: list[dict[str, Any]], hours: list[float]) -> None:
    paces = [pace_of({**PLAN, "window": ALWAYS, **more}) for more in fields]
    ends = campaign_ends([CampaignLoad(pace, 600, 0, MORNING) for pace in paces], BridgePace(), MORNING)
    assert [(end or 0) - MORNING for end in ends] == pytest.approx([3600 * hour for hour in hours], abs=200)


@pytest.mark.parametrize(
    ("bridge", "strangers", "hours"),
    [
        (BridgePace(), 600, 600 / 120),  # 2/minute
        (BridgePace(every=3.0, first_every=30.0), 600, 600 / 120),  # the defaults of the bridge: as slow
        (BridgePace(every=3.0, first_every=60.0), 600, 600 / 60),
        (BridgePace(every=3.0, first_every=60.0), 0, 600 / 120),  # all of them wrote lately
        (BridgePace(every=3.0, first_every=60.0), 450, 600 * 0.75 / 60),
        (BridgePace(every=60.0, first_every=60.0), 0, 600 / 60),
        (BridgePace(first_every=30.0, first_per_day=200), 600, 48 + 200 / 120),
        (BridgePace(first_every=30.0, first_per_day=200, first_today=150), 600, 72),
        (BridgePace(first_every=30.0, first_per_day=200), 300, 24 + 200 / 120),
        (BridgePace(first_at=MORNING + HOUR), 600, 1 + 5),  # WhatsApp's lock
        (BridgePace(quiet=QuietHours.parse("12:00-15:00"), zone=BUENOS_AIRES), 600, 3 + 5),
    ],
)
def test_the_slower_one_of_campaign_and_bridge_decides(bridge: BridgePace, strangers: int, hours: float) -> None:
    end = campaign_end(pace_of({**PLAN, "window": ALWAYS}), bridge, MORNING, 600, strangers)
    assert end is not None
    assert (end - MORNING) / HOUR == pytest.approx(hours, abs=0.05)


def test_more_than_ten_years_has_no_end() -> None:
    bridge = BridgePace(first_per_day=50)
    assert campaign_end(pace_of(PLAN), bridge, MORNING, 200_000, 200_000) is None


def test_a_window_that_is_quiet_altogether_has_no_end() -> None:
    bridge = BridgePace(quiet=QuietHours.parse("08:00-21:00"), zone=BUENOS_AIRES)
    assert campaign_end(pace_of(PLAN), bridge, MORNING, 5, 5) is None


def test_the_pace_is_read_from_what_the_bridge_publishes() -> None:
    found = BridgePace.of(SessionStatus.model_validate_json((GOLDEN / "status-connected.json").read_text()))
    assert (found.every, found.first_every, found.first_per_day, found.first_today) == (3.0, 30.0, 50, 17)
    assert found.quiet.ends(MORNING + 13 * HOUR, found.zone) == MORNING + 23 * HOUR
    assert BridgePace.of(None) == BridgePace()


async def test_a_dry_run_announces_the_end_by_the_bridges_pace(harness: CampaignsHarness) -> None:
    """A minute between two first messages; who wrote lately waits for the other budget."""
    await harness.bridge.stop()
    harness.bridge.settings = harness.bridge.settings.model_copy(
        update={"pace": Pace.parse("20/minute", burst=5), "pace_new": Pace.parse("1/60s", burst=1)}
    )
    await harness.restart_bridge()
    service = await harness.start()
    await harness.until(lambda: (status := service.states.of("haby")) is not None and status.budget is not None)
    strangers = await harness.plan(61)
    seconds = datetime.fromisoformat(strangers["eta"]).timestamp() - datetime.now(UTC).timestamp()
    assert seconds == pytest.approx(3600, abs=30)
    for n in range(1, 62):
        harness.bridge.phone.incoming(f"{number(n)}@c.us", "Hola")
    await harness.bridge.journalled(61)
    await harness.read_up_to(61)
    answers = await harness.plan(61)
    seconds = datetime.fromisoformat(answers["eta"]).timestamp() - datetime.now(UTC).timestamp()
    assert seconds == pytest.approx(180, abs=30)


def number_of(n: int) -> str:
    return f"54911555{n:05d}"
