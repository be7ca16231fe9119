"""Sends of agents in the panel: a person reads each, and approves or refuses it."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from bridge.http.credentials import grant_of, new_key
from bridge.ports import Proposal, ProposalState, Right
from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.http.test_agents import until
from tests.pictures import picture


@pytest.mark.parametrize(
    ("locale", "approve", "refuse", "none"),
    [
        ("en-GB", "Approve and send", "Refuse", "No agent is waiting"),
        ("es-AR", "Aprobar y enviar", "Rechazar", "Ningún agente"),
    ],
)
async def test_one_is_approved_and_one_refused(
    started: HttpBridge, open_panel: OpenPanel, locale: str, approve: str, refuse: str, none: str
) -> None:
    page: Page = await open_panel(started, at="#approvals", locale=locale)
    await expect(page.get_by_text(none)).to_be_visible()
    now = started.clock.now()
    made = new_key("claude", [], None, now, grant_of({ANA: [Right.REPLY]}, approval=True))
    async with started.store() as store:
        for number, text in enumerate(("<b>Son las 9</b>", "No")):
            names = ("haby", made.key.id, f"{number}", f"agent-{number}")
            proposal = Proposal(*names, ANA, text, ProposalState.PROPOSED, at=now, expires_at=now + 600)
            await store.proposals.propose(proposal)
    cards = page.get_by_role("article")
    await expect(cards).to_have_count(2)
    await expect(cards.first).to_contain_text("<b>Son las 9</b>")
    await expect(cards.first).to_contain_text("+54 9 11 5550-0001")
    await expect(cards.first).to_contain_text("10 min")
    await picture(page, f"panel-approvals-{locale}")
    await cards.first.get_by_role("button", name=approve).click()
    await expect(cards).to_have_count(1)
    await cards.first.get_by_role("button", name=refuse).click()
    await expect(page.get_by_text(none)).to_be_visible()
    await until(lambda: started.phone.sent)
    assert [one.text for one in started.phone.sent] == ["<b>Son las 9</b>"]
