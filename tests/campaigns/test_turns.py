"""Several campaigns of one session: the oldest that may send does, and each counts what the others send."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tests.campaigns.conftest import CampaignsHarness, number

#: A window of a minute, on another day: it is closed now.
OTHER_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def people(first: int, count: int) -> list[dict[str, Any]]:
    return [{"to": number(n), "name": f"Persona {n}"} for n in range(first, first + count)]


def closed_window() -> dict[str, Any]:
    """A window on the day after tomorrow only."""
    day = OTHER_DAY[(datetime.now(UTC).weekday() + 2) % 7]
    return {"from": "10:00", "to": "11:00", "days": [day], "timezone": "UTC"}


async def test_the_oldest_one_sends_first_and_the_younger_one_says_so(harness: CampaignsHarness) -> None:
    await harness.start()
    older = await harness.plan(people(1, 8), id="older", pace="120/minute", jitter=0)
    younger = await harness.plan(people(21, 8), id="younger", pace="600/minute", jitter=0)
    await harness.act(older["id"], "start")
    await harness.act(younger["id"], "start")
    waits = await harness.reach("younger", reason="older_campaign", sent=0)
    assert "pause the older one" in waits["text"]
    announced = datetime.fromisoformat(waits["eta"])
    assert announced > datetime.fromisoformat((await harness.view("older"))["eta"])
    await harness.reach("younger", state="done", sent=8)
    order = [message.key.remote.user for message in harness.bridge.phone.sent]
    assert order == [number(n) for n in (*range(1, 9), *range(21, 29))]


async def test_the_younger_one_goes_on_where_the_older_one_is_paused_or_closed(harness: CampaignsHarness) -> None:
    await harness.start()
    await harness.plan(people(1, 3), id="closed", window=closed_window())
    await harness.act("closed", "start")
    await harness.reach("closed", reason="window")
    await harness.plan(people(11, 30), id="slow", pace="30/minute", jitter=0)
    await harness.act("slow", "start")
    await harness.plan(people(61, 3), id="urgent")
    await harness.act("urgent", "start")
    await harness.reach("urgent", reason="older_campaign")
    await harness.act("slow", "pause")
    await harness.reach("urgent", state="done", sent=3)
    assert (await harness.view("slow"))["sent"] < 30


async def test_a_limit_of_a_day_and_a_pause_count_what_the_other_one_sent(harness: CampaignsHarness) -> None:
    await harness.start()
    await harness.plan(people(1, 6), id="first", per_day=6)
    await harness.act("first", "start")
    await harness.reach("first", state="done", sent=6)
    await harness.plan(people(11, 6), id="second", per_day=8, pace="60/minute", jitter=0)
    await harness.act("second", "start")
    full = await harness.reach("second", reason="day_limit")
    assert full["sent"] + full["sending"] == 2
    assert datetime.fromisoformat(full["eta"]).timestamp() - datetime.now(UTC).timestamp() < 2 * 86_400
    await harness.plan(people(21, 6), id="third", per_day=7)
    await harness.act("third", "start")
    assert (await harness.reach("third", reason="day_limit"))["sent"] == 0
    moments = [row["sent_at"] for name in ("first", "second") for row in await harness.rows(name) if row["sent_at"]]
    pauses = [
        (datetime.fromisoformat(after) - datetime.fromisoformat(before)).total_seconds()
        for before, after in pairwise(moments[-3:])
    ]
    assert min(pauses) > 0.5, "its own pause follows a message of another campaign, too"


async def test_a_claim_that_fails_leaves_its_slot_to_the_other_campaigns(harness: CampaignsHarness) -> None:
    service = await harness.start(ahead=1)
    await harness.plan(people(1, 2), id="broken")
    await harness.plan(people(11, 2), id="other")
    async with service.database.write() as connection:
        await connection.exec_driver_sql(
            "CREATE TRIGGER no_claim BEFORE UPDATE ON wa_campaign_recipient WHEN new.campaign = 'broken'"
            " BEGIN SELECT RAISE(ABORT, 'no claim of this campaign'); END"
        )
    await harness.act("broken", "start")
    await harness.act("other", "start")
    await harness.reach("other", state="done", sent=2)
    assert (await harness.view("broken"))["state"] == "running"
