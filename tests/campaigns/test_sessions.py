"""Sessions that are added while the campaigns service runs."""

from __future__ import annotations

from bridge.contract.session_changes import BridgeAction
from tests.campaigns.conftest import CampaignsHarness, number


async def test_a_campaign_of_a_session_that_was_just_added(harness: CampaignsHarness) -> None:
    service = await harness.start()
    bridge = harness.bridge
    await bridge.change(BridgeAction.ADD_SESSION, "otra", 52)
    await harness.until(lambda: service.served.names == ("haby", "otra"))
    campaign = (await harness.plan(2, session="otra"))["id"]
    await harness.act(campaign, "start")
    await harness.reach(campaign, state="done", sent=2)
    phone = bridge.others["otra"]
    assert [sent.text for sent in phone.sent] == ["Hola Persona 1", "Hola Persona 2"]
    # its answers are read
    phone.incoming(f"{number(1)}@c.us", "gracias")
    await harness.reach(campaign, answered=1)

    await bridge.change(BridgeAction.REMOVE_SESSION, "otra")
    await harness.until(lambda: service.served.names == ("haby",))
    plan = {"name": "x", "variants": ["a"], "recipients": [{"to": number(1)}], "session": "otra"}
    refused = await harness.call("POST", "", plan)
    assert (refused.status_code, refused.json()["detail"]) == (400, "There is no session otra: campaigns are for haby.")
