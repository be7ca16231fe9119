"""The lists of the panel: their entries are buttons to everyone, and the focus stays on what it was on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import expect

from tests.http.conftest import ANA, BETO, GROUP, HttpBridge
from tests.http.panel.pages import OpenPanel

PEOPLE = [{"contact": ANA, "name": "Ana", "from_pn": ANA}, {"contact": BETO, "name": "Beto", "from_pn": BETO}]
GROUPS = [{"group": GROUP, "subject": "Consorcio"}, {"group": "120363000000000002@g.us", "subject": "Vecinos"}]
ANSWERS = {
    "contacts.list": {"contacts": PEOPLE, "next": None},
    "groups.list": {"groups": GROUPS, "next": None},
}


def write(side: HttpBridge, who: str, address: str, second: int) -> None:
    """Someone writes, `second` seconds from now."""
    text, at = "¿Tienen stock?", side.phone.clock.now() + second
    side.phone.incoming(address, text, notify_name=who, timestamp=int(at))


@pytest.mark.parametrize(
    ("section", "name", "entries"),
    [
        ("messages", "Chats", ["Beto", "Ana"]),
        ("people", "People", ["Ana", "Beto"]),
        ("groups", "Groups", ["Consorcio", "Vecinos"]),
    ],
)
async def test_an_entry_of_a_list_is_a_button_in_it(
    started: HttpBridge, open_panel: OpenPanel, section: str, name: str, entries: list[str]
) -> None:
    started.phone.answers |= ANSWERS
    write(started, "Ana", ANA, 0)
    write(started, "Beto", BETO, 1)
    await started.journalled(2)
    page = await open_panel(started, at=f"#{section}")
    items = page.get_by_role("list", name=name, exact=True).get_by_role("listitem")
    buttons = items.get_by_role("button", name=re.compile("|".join(entries)))
    await expect(buttons).to_contain_text(entries)
    await buttons.first.focus()
    await page.keyboard.press("ArrowDown")
    await expect(buttons.last).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(buttons.first).to_be_focused()
    found: list[dict[str, Any]] = (await Axe().run(page)).response["violations"]
    assert [one["nodes"][0]["html"] for one in found if one["id"] == "aria-allowed-role"] == []


async def test_a_message_that_is_found_is_a_button_in_a_list(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.incoming(ANA, "la factura de marzo", notify_name="Ana")
    await started.journalled(1)
    page = await open_panel(started, at="#messages")
    await page.get_by_label("Find a chat").fill("factura")
    hit = page.get_by_role("list", name="Messages").get_by_role("listitem").get_by_role("button")
    await expect(hit).to_contain_text("la factura de marzo")


async def test_the_focus_stays_on_a_chat_that_another_one_overtakes(started: HttpBridge, open_panel: OpenPanel) -> None:
    write(started, "Ana", ANA, 0)
    write(started, "Beto", BETO, 1)
    page = await open_panel(started, at="#messages")
    chats = page.get_by_role("list", name="Chats").get_by_role("button")
    await expect(chats).to_contain_text(["Beto", "Ana"])
    await chats.filter(has_text="Beto").focus()
    write(started, "Ana", ANA, 2)
    await expect(chats).to_contain_text(["Ana", "Beto"])
    await expect(chats.filter(has_text="Beto")).to_be_focused()
