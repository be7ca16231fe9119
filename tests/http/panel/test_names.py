"""A person whom WhatsApp gives no number is shown by its name, whichever of its addresses has one."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from bridge.contract.messages import Quoted
from tests.http.conftest import ANA, GROUP, HttpBridge
from tests.http.panel.pages import OpenPanel

DARIO = "188000000000004@lid"
CHAT: dict[str, Any] = {
    "chat": DARIO,
    "name": "Darío",
    "group": False,
    "unread": 0,
    "archived": False,
    "pinned": False,
    "muted_until": None,
    "at": None,
    "last": None,
}
PERSON: dict[str, Any] = {
    "contact": DARIO,
    "from_pn": None,
    "from_lid": DARIO,
    "name": "Darío",
    "pushname": None,
    "business": False,
    "saved": True,
    "blocked": False,
}


async def test_the_list_of_people_shows_no_lid_beside_a_name(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.answers["contacts.list"] = {"contacts": [PERSON, PERSON | {"name": None}], "next": None}
    page = await open_panel(started, at="#people")
    people = page.get_by_role("list", name="People").get_by_role("button")
    await expect(people).to_have_text(["Darío", DARIO])


async def test_a_send_to_who_never_wrote_has_its_name(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.answers["chats.list"] = {"chats": [CHAT], "next": None}
    async with started.client() as client:
        (await client.post("/v1/sessions/haby/sends", json={"to": DARIO, "message": "Hola"})).raise_for_status()
    page = await open_panel(started, at="#outbox")
    await expect(page.get_by_role("article").locator("strong")).to_have_text("Darío")


async def test_a_chat_that_was_begun_on_the_phone_has_its_name(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.answers["chats.get"] = CHAT
    page = await open_panel(started, at="#messages")
    await expect(page.get_by_text("Waiting for messages…")).to_be_visible()
    started.phone.own(DARIO, "Te escribo desde el teléfono")
    chat = page.get_by_role("list", name="Chats").get_by_role("listitem")
    await expect(chat).to_contain_text("Te escribo")
    await expect(chat.locator("strong")).to_have_text("Darío")


async def test_who_is_quoted_in_a_group_has_its_name(started: HttpBridge, open_panel: OpenPanel) -> None:
    first = started.phone.incoming(GROUP, "¿Quién viene?", author=DARIO, notify_name="Darío")
    quoted = Quoted(id=first.id, author=DARIO, body="¿Quién viene?")
    started.phone.incoming(GROUP, "Yo", author=ANA, notify_name="Ana", quoted=quoted)
    page = await open_panel(started, at="#messages")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").click()
    await expect(page.locator(".quote strong")).to_have_text("Darío")
