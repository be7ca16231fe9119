"""A send that failed says so, and to whom, wherever it is listed."""

from __future__ import annotations

import httpx
from playwright.async_api import expect

from bridge.contract.jid import Jid
from tests.http.conftest import ANA, BETO, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.pictures import picture


async def _send(client: httpx.AsyncClient, to: str, text: str) -> None:
    await client.post("/v1/sessions/haby/sends?wait=5", json={"to": to, "message": text})


async def test_a_chat_whose_last_send_failed_says_so(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.missing.add(Jid.parse(BETO))
    async with started.client() as client:
        await _send(client, ANA, "Sí, hay.")
        await _send(client, BETO, "Hola, ¿seguís ahí?")
    page = await open_panel(started, at="#messages")
    chats = page.get_by_role("list", name="Chats").get_by_role("listitem")
    await expect(chats.filter(has_text="¿seguís ahí?").locator(".tick.failed")).to_have_text("✕failed")
    await expect(chats.filter(has_text="Sí, hay.").locator(".tick")).to_have_count(0)
    await picture(page, "panel-failed-chat")


async def test_failed_and_sent_ones_name_the_recipient_alike(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.incoming(BETO, "¿Tienen stock?", notify_name="Beto")
    await started.journalled(1)
    async with started.client() as client:
        await _send(client, BETO, "Sí, hay.")
        started.phone.missing.add(Jid.parse(BETO))
        await _send(client, BETO, "¿Te reservo una?")
    page = await open_panel(started, at="#outbox")
    await expect(page.get_by_role("article").filter(has_text="failed")).to_have_count(1)
    names = page.get_by_role("article").locator("strong").first, page.get_by_role("article").locator("strong").last
    for name in names:
        await expect(name).to_have_text("Beto · +54 9 11 5550-0002")
