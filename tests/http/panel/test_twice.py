"""A button that is pressed twice acts once, and a form stays until its answer is here."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from playwright.async_api import Page, expect

from bridge.http.credentials import grant_of, new_key
from bridge.ports import Proposal, ProposalState, Right
from tests.http.conftest import ANA, BETO, GROUP, HttpBridge
from tests.http.panel.pages import OpenPanel, after

MEMBERS = [{"address": ANA, "from_pn": ANA, "name": "Ana", "admin": False, "owner": False, "me": False}]
DETAILS = {"group": GROUP, "subject": "Consorcio", "member": True, "admin": True, "size": 1, "members": MEMBERS}
DONE: dict[str, Any] = {"group": GROUP, "people": []}
ANSWERS = {
    "groups.list": {"groups": [DETAILS], "next": None},
    "groups.get": DETAILS,
    "groups.requests": {"requests": [{"address": BETO, "from_pn": BETO, "name": "Beto", "at": 1}]},
    "chats.get": {"chat": GROUP, "pinned": False, "archived": False, "muted_until": None},
    **{f"groups.{act}": DONE for act in ("create", "join", "leave", "approve", "reject", "promote", "remove", "add")},
}


def posts_of(page: Page, part: str) -> list[str]:
    """The addresses of the posts with `part`, as they come."""
    found = list[str]()
    page.on("request", lambda request: found.append(request.url) if part in request.url else None)
    return found


async def test_the_actions_on_a_group_act_once(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.answers |= ANSWERS
    page = await open_panel(started, at=f"#groups/{GROUP}")
    for press, act in (("Let in", "approve"), ("Reject", "reject"), ("Make admin", "promote"), ("Add people", "add")):
        button = page.get_by_role("button", name=press, exact=True)
        await expect(button).to_be_visible()
        if act == "promote":
            await page.get_by_role("checkbox", name="Ana").check()
        elif act == "add":
            await page.get_by_role("textbox", name="Numbers").fill(BETO)
        held, asked = asyncio.Event(), posts_of(page, f"/requests/groups.{act}")
        await page.route(f"**/requests/groups.{act}", partial(after, held))
        await button.dblclick()
        await button.click()
        held.set()
        await expect(page.get_by_role("heading", name="Consorcio")).to_be_focused()
        assert len(asked) == 1, act
    held, asked = asyncio.Event(), posts_of(page, "/requests/groups.leave")
    await page.route("**/requests/groups.leave", partial(after, held))
    leave, sure = page.get_by_role("button", name="Leave the group"), page.get_by_role("dialog")
    await leave.dblclick()
    await sure.get_by_role("button", name="Leave the group").dblclick()
    await leave.click()
    await expect(sure).to_be_hidden()
    async with page.expect_response("**/requests/groups.leave"):
        held.set()
    assert len(asked) == 1


async def test_a_group_is_made_once_and_its_form_stays_until_then(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.answers |= ANSWERS
    page = await open_panel(started, at="#groups", expected="400")
    form, asked = page.get_by_role("dialog"), posts_of(page, "/requests/groups.create")
    await page.get_by_role("button", name="New group").dblclick()
    await form.get_by_role("textbox", name="Name of the group").fill("Consorcio")
    await form.get_by_role("textbox", name="Numbers").fill("no number")
    await page.keyboard.press("Tab")
    make = form.get_by_role("button", name="Create", exact=True)
    await make.click()
    await expect(form.get_by_role("alert")).to_be_visible()
    await expect(form.get_by_role("textbox", name="Name of the group")).to_have_value("Consorcio")
    await expect(form.get_by_role("textbox", name="Name of the group")).to_be_focused()
    held = asyncio.Event()
    await page.route("**/requests/groups.create", partial(after, held))
    await form.get_by_role("textbox", name="Numbers").fill(ANA)
    await make.dblclick()
    await expect(make).to_be_disabled()
    await page.keyboard.press("Enter")
    held.set()
    await expect(form).to_be_hidden()
    await expect(page.get_by_role("heading", name="Consorcio")).to_be_focused()
    assert len(asked) == 2


async def test_a_form_that_is_left_while_it_is_sent_does_not_come_back(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    started.phone.answers |= ANSWERS
    page = await open_panel(started, at="#groups", expected="400")
    form, held = page.get_by_role("dialog"), asyncio.Event()
    await page.route("**/requests/groups.join", partial(after, held))
    await page.get_by_role("button", name="Join by link").click()
    await form.get_by_role("textbox").fill("no link")
    await page.keyboard.press("Enter")
    await expect(form.get_by_role("button", name="Join", exact=True)).to_be_disabled()
    await page.keyboard.press("Escape")
    await expect(form).to_be_hidden()
    held.set()
    await expect(page.locator("#toasts .bad")).to_be_visible()
    await expect(form).to_be_hidden()


async def test_the_send_of_an_agent_is_approved_once(started: HttpBridge, open_panel: OpenPanel) -> None:
    page, now = await open_panel(started, at="#approvals"), started.clock.now()
    made = new_key("claude", [], None, now, grant_of({ANA: [Right.REPLY]}, approval=True))
    async with started.store() as store:
        names = ("haby", made.key.id, "1", "agent-1")
        proposal = Proposal(*names, ANA, "Son las 9", ProposalState.PROPOSED, at=now, expires_at=now + 600)
        await store.proposals.propose(proposal)
    held, asked = asyncio.Event(), posts_of(page, "/approve")
    await page.route("**/approve", partial(after, held))
    await page.get_by_role("button", name="Approve and send").dblclick()
    held.set()
    await expect(page.get_by_text("No agent is waiting")).to_be_visible()
    assert len(asked) == 1
    await expect(page.locator("#toasts .bad")).to_have_count(0)
