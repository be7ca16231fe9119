"""The search of the conversations: messages of all chats, opened where they are."""

from __future__ import annotations

from playwright.async_api import expect

from bridge.contract.messages import Stream
from tests.http.conftest import ANA, BETO, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.pictures import picture

#: More than the page reads when it opens.
OTHERS = 120


async def test_messages_of_all_chats_are_found_and_opened(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.incoming(ANA, "la canción <b>de</b> siempre", notify_name="Ana")
    started.phone.incoming(ANA, "otra cosa", notify_name="Ana")
    for number in range(OTHERS):
        started.phone.incoming(BETO, f"mensaje {number}")
    await started.journalled(OTHERS + 2)
    async with started.client() as client:
        await client.post("/v1/sessions/haby/sends?wait=10", json={"to": BETO, "message": "Esa cancion no"})
    await started.journalled(1, Stream.EVENT)
    old = [one for one in started.phone.history if str(one.chat) == ANA]
    started.phone.answers["chats.history"] = {"chat": ANA, "messages": old, "complete": True}
    started.phone.answers["chats.list"] = {"chats": [], "next": None}
    page = await open_panel(started, at="#messages")
    await page.get_by_label("Find a chat").fill("CANCIÓN")
    hits = page.get_by_role("list", name="Messages").get_by_role("listitem")
    await expect(hits).to_have_count(2)
    await expect(hits.first).to_contain_text("You: Esa cancion no")
    await expect(hits.last.locator("mark")).to_have_text("canción")
    await expect(hits.last).to_contain_text("la canción <b>de</b> siempre")
    await picture(page, "panel-search")
    await hits.last.click()
    log = page.get_by_role("log")
    await expect(log.locator(".found")).to_contain_text("la canción <b>de</b> siempre")
    await expect(log.locator(".bubble")).to_have_count(2)
    await page.get_by_label("Find a chat").fill("🎉 ?!")
    await expect(hits).to_have_count(0)
    await page.get_by_label("Find a chat").fill("inexistente")
    await expect(page.get_by_text("No matches.")).to_be_visible()


async def test_a_message_that_whatsapp_web_has_not_loaded_is_shown_alone(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    started.phone.incoming(ANA, "la factura de marzo", notify_name="Ana")
    for number in range(OTHERS):
        started.phone.incoming(BETO, f"mensaje {number}")
    await started.journalled(OTHERS + 1)
    started.phone.answers["chats.history"] = {"chat": ANA, "messages": [], "complete": True}
    started.phone.answers["chats.list"] = {"chats": [], "next": None}
    page = await open_panel(started, at="#messages")
    await page.get_by_label("Find a chat").fill("factura")
    await page.get_by_role("list", name="Messages").get_by_role("listitem").click()
    await expect(page.get_by_role("log").locator(".found")).to_contain_text("la factura de marzo")
    await expect(page.get_by_text("has not loaded the messages around this one")).to_be_visible()
