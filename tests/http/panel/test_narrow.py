"""The panel's widths: a conversation on a narrow phone, and what has to fit beside a list."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, ViewportSize, expect

from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.pictures import picture

NARROW: ViewportSize = {"width": 360, "height": 740}


async def _box(part: Locator) -> Any:
    box = await part.bounding_box()
    assert box is not None
    return box


async def test_a_conversation_fills_a_narrow_window(started: HttpBridge, open_panel: OpenPanel) -> None:
    for number in range(8):
        started.phone.incoming(ANA, f"¿Tienen stock? Van {number}", notify_name="Ana")
    page = await open_panel(started, size=NARROW, locale="es-AR", at="#messages")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").click()
    await expect(page.locator(".bubble")).to_have_count(8)
    text, send = page.get_by_label("Mensaje", exact=True), page.get_by_role("button", name="Enviar", exact=True)
    attach = page.get_by_role("button", name="Adjuntar archivos")
    await expect(attach.locator("svg")).to_be_visible()  # no character that a font may lack
    boxes = [await _box(part) for part in (attach, text, send)]
    assert boxes[0]["x"] < boxes[1]["x"] < boxes[2]["x"]
    assert max(box["y"] for box in boxes) < min(box["y"] + box["height"] for box in boxes)  # one row
    assert boxes[1]["width"] > 150
    log, composer, tabs = [await _box(page.locator(part)) for part in (".log-frame", ".composer", ".tabs")]
    assert log["height"] > 0.6 * NARROW["height"]
    assert abs(composer["y"] + composer["height"] - tabs["y"]) <= 2
    assert tabs["y"] + tabs["height"] == NARROW["height"]
    await picture(page, "panel-narrow-conversation")
    await page.get_by_role("button", name="Volver a los chats").click()
    await expect(page.get_by_role("heading", name="Mensajes", level=1)).to_be_visible()


async def test_the_search_for_a_chat_has_the_width_of_the_list(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, locale="es-AR", at="#messages")
    label = page.get_by_text("Buscar un chat o un mensaje")
    new, listed = await _box(page.get_by_role("button", name="Chat nuevo")), await _box(page.locator(".chat-list"))
    search, name = await _box(page.get_by_role("searchbox")), await _box(label)
    assert name["height"] < 25
    assert search["width"] > 0.85 * listed["width"]
    assert new["y"] >= search["y"] + search["height"]
