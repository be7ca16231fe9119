"""The panel by keyboard: Tab reaches each control of each section in order, Escape closes what is open."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.http.conftest import ANA, BETO, GROUP, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.keyboard import walk

DETAILS = {"group": GROUP, "subject": "Consorcio", "member": True, "admin": True, "size": 2}
MEMBERS = [
    {"address": one, "from_pn": one, "name": name, "admin": False, "owner": False, "me": False}
    for one, name in ((ANA, "Ana"), (BETO, "Beto"))
]
ANSWERS = {
    "contacts.list": {"contacts": [{"contact": ANA, "name": "Ana", "from_pn": ANA}], "next": None},
    "contacts.get": {"contact": ANA, "name": "Ana", "from_pn": ANA},
    "groups.list": {"groups": [DETAILS], "next": None},
    "groups.get": DETAILS | {"members": MEMBERS},
    "groups.requests": {"requests": [{"address": BETO, "from_pn": BETO, "name": "Beto", "at": 1}]},
    "chats.get": {"chat": ANA, "pinned": False, "archived": False, "muted_until": None},
}
SECTIONS = (
    *("sessions", "sessions/haby", "messages", f"messages/{ANA}", f"people/{ANA}", f"groups/{GROUP}", "outbox"),
    *("approvals", "listeners", "charts", "access", "log", "settings"),
)


@pytest.mark.timeout(240)
async def test_tab_reaches_each_control_of_each_section(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.answers |= ANSWERS
    started.phone.incoming(ANA, "¿A qué hora?", notify_name="Ana")
    started.phone.own(ANA, "A las 8")
    async with started.client() as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": "http://127.0.0.1:9/hook"})
    page = await open_panel(started)
    wrong = dict[str, list[str]]()
    for section in SECTIONS:
        await page.goto(f"{started.url}/#{section}")
        await page.reload()
        await expect(page.get_by_role("main").get_by_role("heading").first).to_be_visible()
        await page.wait_for_load_state("networkidle")
        if found := await walk(page):
            wrong[section] = found
    assert wrong == {}


async def test_escape_closes_and_gives_the_focus_back(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.answers |= ANSWERS
    started.phone.incoming(ANA, "¿A qué hora?", notify_name="Ana")
    page = await open_panel(started)
    dialog, card = page.locator("#ask"), page.get_by_role("article", name="haby")
    for opener in (
        page.get_by_role("button", name="Add a number"),
        card.get_by_role("button", name="Restart"),
        card.get_by_role("button", name="Options"),
    ):
        await opener.press("Enter")
        await expect(dialog).to_be_visible()
        assert await walk(page) == []
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(opener).to_be_focused()
    await page.goto(f"{started.url}/#messages")
    await page.get_by_role("list", name="Chats").get_by_role("button", name="Ana").press("Enter")
    actions, menu = page.locator(".bubble").get_by_role("button", name="Actions"), page.locator(".menu")
    await actions.press("Enter")
    await expect(menu).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(actions).to_be_focused()
    await actions.press("Enter")
    await menu.get_by_role("button", name="Forward").press("Enter")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(actions).to_be_focused()
    others = page.get_by_role("button", name="Send something else")
    await others.press("Enter")
    await page.get_by_role("button", name="Poll").press("Enter")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(others).to_be_focused()
