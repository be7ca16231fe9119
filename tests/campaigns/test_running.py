"""A campaign on the real bridge: sent once each, ticks, answers, opt-outs, pause, stop rules."""

from __future__ import annotations

from bridge.drivers.scripted.phone import SendMode
from tests.campaigns.conftest import CampaignsHarness, number


async def test_each_recipient_gets_its_text_once_and_the_numbers_add_up(harness: CampaignsHarness) -> None:
    await harness.start()
    view = await harness.plan(30, variants=["Hola {{name}}", "Buenas {{name}}"])
    assert (view["state"], view["planned"], len(view["preview"])) == ("draft", 30, 5)
    await harness.act(view["id"], "start")
    done = await harness.reach(view["id"], state="done", sent=30)
    assert (done["failed"], done["unknown"], done["waiting"], done["sending"]) == (0, 0, 0, 0)
    rows = await harness.rows(view["id"])
    assert sorted(message.text for message in harness.bridge.phone.sent) == sorted(row["text"] for row in rows)
    assert {row["text"].split()[0] for row in rows} == {"Hola", "Buenas"}
