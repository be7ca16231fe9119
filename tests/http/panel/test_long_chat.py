"""A long conversation in the panel: the newest messages are drawn, and the way up ends at the first one."""

from __future__ import annotations

from playwright.async_api import expect

from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.conftest import OpenPanel


async def test_the_way_up_does_not_stop(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#messages")
    started.phone.incoming(ANA, "el primero")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").first.click()
    for number in range(700):
        started.phone.incoming(ANA, f"mensaje {number}")
    log = page.get_by_role("log")
    await expect(log.get_by_text("mensaje 699", exact=True)).to_be_visible()
    bubbles = log.locator(".bubble")
    await expect(bubbles).to_have_count(200)
    for drawn in (400, 600, 701):
        await log.evaluate("(log) => { log.scrollTop = 0; }")
        await expect(bubbles).to_have_count(drawn)
    await log.evaluate("(log) => { log.scrollTop = 0; }")
    await expect(log.get_by_text("el primero", exact=True)).to_be_in_viewport()
