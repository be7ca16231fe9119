"""The conversations page by keyboard."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.keyboard import walk
from tests.responder.conftest import ResponderHarness
from tests.responder.test_page import page, shown

__all__ = ["page", "shown"]


async def test_tab_reaches_each_control(shown: ResponderHarness, page: Page) -> None:
    beto = page.get_by_role("button", name="Beto Gómez")
    await expect(beto).to_be_visible()
    assert await walk(page) == []
    await page.locator("#switches summary").press("Enter")
    await beto.press("Enter")
    await expect(page.get_by_role("heading", name="Beto Gómez")).to_be_visible()
    await expect(beto).to_be_focused()
    assert await walk(page) == []
    await page.set_viewport_size({"width": 360, "height": 640})
    assert await walk(page) == []
    await page.get_by_role("button", name="Volver a la lista").press("Enter")
    await expect(beto).to_be_focused()
    await beto.press("Enter")
    await expect(page.get_by_label("Escribí una respuesta")).to_be_visible()
    await expect(page.get_by_role("button", name="Volver a la lista")).to_be_focused()
    assert await walk(page) == []
