"""What is sent from a conversation instead of a text, and what is done with its messages."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Literal

import pytest
from playwright.async_api import FilePayload, Page, ViewportSize, expect

from tests.http.conftest import ANA, BETO, HttpBridge
from tests.http.panel.pages import OpenPanel, after
from tests.pictures import check_accessible, picture

NARROW: ViewportSize = {"width": 320, "height": 640}


async def _open_chat(page: Page) -> None:
    await page.locator(".chats .chat").first.click()


async def _is_accessible(page: Page, where: str) -> None:
    await check_accessible(page, where)
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{where} is wider than the window by {wide} pixels"


async def test_place_poll_and_contacts_are_sent(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.incoming(ANA, "¿Dónde están?", notify_name="Ana")
    page = await open_panel(started, at="#messages")
    await _open_chat(page)
    dialog = page.get_by_role("dialog")
    other, send = page.get_by_role("button", name="Send something else"), dialog.get_by_role("button", name="Send")
    await other.press("Enter")
    await page.get_by_role("button", name="Place").press("Enter")
    await dialog.get_by_label("Link of a map").fill("https://maps.app.goo.gl/xyz")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("No place")
    link = "https://www.google.com/maps/place/Obelisco/@-34.61,-58.39,17z/data=!8m2!3d-34.6037!4d-58.3816"
    await dialog.get_by_label("Link of a map").fill(link)
    await dialog.get_by_label("Name of the place").fill("Obelisco")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await other.click()
    await page.get_by_role("button", name="Poll").click()
    await dialog.get_by_label("Question").fill("¿Qué día?")
    await dialog.get_by_label("Answers, one in each line").fill("Lunes\nMartes\n")
    await send.click()
    await expect(dialog).to_be_hidden()
    await other.click()
    await page.get_by_role("button", name="Contacts").click()
    await dialog.get_by_label("Name and number").fill("Beto: +54 9 11 5550-0002")
    await send.click()
    await expect(page.get_by_role("log").locator(".mine .tick.sent")).to_have_count(3)
    assert [sent.content.as_field() for sent in started.phone.sent] == [
        {"location": {"latitude": -34.6037, "longitude": -58.3816, "name": "Obelisco"}},
        {"poll": {"name": "¿Qué día?", "options": ["Lunes", "Martes"], "max": 1}},
        {"contacts": [{"name": "Beto", "phone": "5491155500002"}]},
    ]


async def test_what_is_sent_and_what_is_written_belong_to_their_chat(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    started.phone.incoming(ANA, "¿Me escribís?", notify_name="Ana")
    started.phone.incoming(BETO, "¿Y a mí?", notify_name="Beto")
    page = await open_panel(started, at="#messages", expected="ERR_FAILED")
    chat, text = page.locator(".chats .chat"), page.get_by_label("Message", exact=True)
    ana, beto = chat.filter(has_text="Ana"), chat.filter(has_text="Beto")
    held = asyncio.Event()
    await page.route("**/sends", partial(after, held))
    await ana.click()
    await text.fill("Hola Ana")
    await text.press("Enter")
    await text.press("Enter")
    await text.fill("sigo")
    await text.press("Enter")
    await beto.click()
    await text.fill("borrador para Beto")
    held.set()
    await expect(page.get_by_text("sending…")).to_be_hidden()
    await expect(text).to_have_value("borrador para Beto")
    await ana.click()
    await expect(text).to_have_value("sigo")
    await expect(page.get_by_role("log").locator(".mine .tick.sent")).to_have_count(1)
    held.clear()
    files = [FilePayload(name=f"{n}.txt", mimeType="text/plain", buffer=b"x" * n) for n in (1, 2)]
    await page.locator(".composer input[type=file]").set_input_files(files)
    await page.get_by_role("button", name="Send", exact=True).click()
    await beto.click()
    held.set()
    await expect(page.get_by_text("sending…")).to_be_hidden()
    assert {str(sent.key.remote) for sent in started.phone.sent} == {ANA}
    assert len(started.phone.sent) == 3
    await page.unroute("**/sends")
    await page.route("**/sends", lambda route: route.abort())
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_text("No connection").or_(page.locator("#toasts .bad"))).to_be_visible()
    await expect(text).to_have_value("borrador para Beto")
    await page.get_by_role("button", name="Español").click()
    await beto.click()
    await expect(page.get_by_label("Mensaje", exact=True)).to_have_value("borrador para Beto")
    await page.reload()
    await beto.click()
    await expect(page.get_by_label("Mensaje", exact=True)).to_have_value("borrador para Beto")


async def test_a_message_is_reacted_to_edited_and_deleted(started: HttpBridge, open_panel: OpenPanel) -> None:
    theirs = started.phone.incoming(ANA, "¿A qué hora?", notify_name="Ana")
    own = started.phone.own(ANA, "A las 8")
    page = await open_panel(started, at="#messages", expected="400")
    await _open_chat(page)
    bubbles = page.get_by_role("log").locator(".bubble")
    menu, dialog = page.get_by_role("dialog", name="Actions"), page.locator("#ask")
    await bubbles.first.get_by_role("button", name="Actions").press("Enter")
    await expect(menu.get_by_role("button", name="Edit")).to_have_count(0)
    await menu.get_by_role("button", name="React with 👍").press("Enter")
    await expect(bubbles.first.locator(".reactions")).to_have_text("👍")
    await bubbles.first.get_by_role("button", name="Actions").click()
    await menu.get_by_role("button", name="Another emoji").click()
    await dialog.get_by_label("Emoji").fill("no")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await dialog.get_by_label("Emoji").fill("🚀")
    await page.keyboard.press("Enter")
    await expect(bubbles.first.locator(".reactions")).to_have_text("🚀")
    await bubbles.first.get_by_role("button", name="Actions").click()
    await menu.get_by_role("button", name="Take back 🚀").click()
    await expect(bubbles.first.locator(".reactions")).to_have_count(0)
    await bubbles.last.get_by_role("button", name="Actions").click()
    await menu.get_by_role("button", name="Edit").click()
    await dialog.get_by_label("Message").fill("A las 9")
    await dialog.get_by_role("button", name="Save").click()
    await expect(bubbles.last.locator(".text")).to_have_text("A las 9")
    await expect(bubbles.last).to_contain_text("edited")
    await bubbles.last.get_by_role("button", name="Actions").click()
    await menu.get_by_role("button", name="Delete for everyone").click()
    await dialog.get_by_role("button", name="Delete for everyone").click()
    await expect(bubbles.last).to_contain_text("Deleted message")
    await expect(bubbles).to_have_count(2)
    acts: list[tuple[str, dict[str, Any]]] = [(id_, act.as_field()) for id_, act in started.phone.acts]
    assert [id_ for id_, _ in acts] == [theirs.key.id] * 3 + [own.key.id] * 2
    assert [next(iter(act)) for _, act in acts] == ["reaction"] * 3 + ["edit", "revoke"]
    assert [act["reaction"]["emoji"] for _, act in acts[:3]] == ["👍", "🚀", ""]


async def test_a_message_is_forwarded_to_another_chat(started: HttpBridge, open_panel: OpenPanel) -> None:
    message = started.phone.incoming(ANA, "La dirección es Luján 12", notify_name="Ana")
    started.phone.incoming(BETO, "¿La dirección?", notify_name="Beto")
    page = await open_panel(started, at="#messages", locale="es-AR")
    chats, dialog = page.locator(".chats .chat"), page.locator("#ask")
    await chats.filter(has_text="Ana").click()
    await page.locator(".bubble").get_by_role("button", name="Acciones").press("Enter")
    entry = page.get_by_role("dialog", name="Acciones").get_by_role("button", name="Reenviar")
    await expect(entry).to_be_visible()
    await entry.press("Enter")
    await expect(dialog.get_by_label("Al chat")).to_be_focused()
    await page.keyboard.type("Beto")
    await _is_accessible(page, "forward")
    await picture(page, "panel-forward")
    await dialog.get_by_role("button", name="Enviar").press("Enter")
    await expect(page.get_by_role("log").locator(".mine .tick.sent")).to_have_count(1)
    await expect(chats.filter(has_text="Beto")).to_have_attribute("aria-current", "true")
    await picture(page, "panel-forwarded")
    [sent] = started.phone.sent
    assert (str(sent.key.remote), sent.content.as_field()) == (BETO, {"forward": {"message_id": str(message.key)}})


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_forms_and_menu_fit_a_narrow_phone(
    started: HttpBridge, open_panel: OpenPanel, scheme: Literal["light", "dark"]
) -> None:
    started.phone.incoming(ANA, "¿A qué hora?", notify_name="Ana")
    started.phone.own(ANA, "A las 8")
    page = await open_panel(started, size=NARROW, scheme=scheme, locale="es-AR", at="#messages")
    await _open_chat(page)
    await page.locator(".bubble.mine").get_by_role("button", name="Acciones").click()
    await _is_accessible(page, "menu")
    await picture(page, f"panel-{scheme}-menu")
    await page.keyboard.press("Escape")
    await expect(page.locator(".bubble.mine").get_by_role("button", name="Acciones")).to_be_focused()
    await page.get_by_role("button", name="Enviar otra cosa").click()
    await _is_accessible(page, "kinds")
    await expect(page.get_by_role("button", name="Enviar", exact=True)).to_be_in_viewport(ratio=1)
    await picture(page, f"panel-{scheme}-kinds")
    for kind in ("Ubicación", "Encuesta", "Contactos"):
        await page.get_by_role("button", name=kind).click()
        await _is_accessible(page, kind)
        await picture(page, f"panel-{scheme}-{kind}")
        await page.get_by_role("dialog").get_by_role("button", name="Cancelar").click()
        await page.get_by_role("button", name="Enviar otra cosa").click()
