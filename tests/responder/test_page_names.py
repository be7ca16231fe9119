"""Names of 60 characters on the conversations page, on the narrowest phone."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.client.conftest import ANA, BETO
from tests.layout import NAMES, check_fits
from tests.pictures import picture
from tests.responder.conftest import ResponderHarness
from tests.responder.test_page import page

__all__ = ["page"]
PEOPLE = dict(zip((ANA, BETO, "5491155500003@c.us"), NAMES, strict=True))


async def test_long_names_fit(harness: ResponderHarness, page: Page) -> None:
    responder = await harness.start()
    for one, name in PEOPLE.items():
        harness.bridge.phone.incoming(one, "baja", notify_name=name)
    await harness.verdicts(3)
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(responder.url)
    chats = page.get_by_role("navigation").get_by_role("button")
    await expect(chats).to_have_count(3)
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await picture(page, "responder-names-list")
    await check_fits(page, "list")
    for name in NAMES:
        await chats.filter(has_text=name).click()
        await expect(page.get_by_role("heading", name=name)).to_be_visible()
        await picture(page, f"responder-names-{NAMES.index(name)}")
        await check_fits(page, "chat")
        await page.get_by_role("button", name="Volver a responder").click()
        await check_fits(page, "question")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Volver a la lista").click()
