"""A field that keeps a form from being sent is spoken of in the panel's language, not in the browser's."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.http.panel.test_panel import KEY


@pytest.mark.parametrize(
    ("locale", "add", "name", "number", "texts"),
    [
        (
            *("es-AR", "Agregar un número", "Nombre:", "Número de cliente"),
            (
                "Completá este campo.",
                "Solo letras sin acentos, números, _ y -.",
                "0 o más.",
                "Escribí un número entero.",
            ),
        ),
        (
            *("en-GB", "Add a number", "Name:", "Customer number"),
            (
                "Fill in this field.",
                "Letters without accents, digits, _ and - only.",
                "0 or more.",
                "Write a whole number.",
            ),
        ),
    ],
    ids=["es", "en"],
)
async def test_a_dialog_says_what_is_wrong_with_its_first_wrong_field(
    started: HttpBridge, open_panel: OpenPanel, locale: str, add: str, name: str, number: str, texts: tuple[str, ...]
) -> None:
    missing, letters, low, whole = texts
    page = await open_panel(started, locale=locale)
    await page.get_by_role("button", name=add).click()
    dialog = page.get_by_role("dialog")
    send, said = dialog.get_by_role("button", name=add), dialog.get_by_role("alert")
    await send.click()
    await expect(said).to_have_text(missing)
    await expect(dialog.get_by_label(name)).to_be_focused()
    await expect(dialog.get_by_label(name)).to_have_accessible_description(missing)
    await page.keyboard.type("dos palabras")
    await expect(said).to_be_hidden()
    await page.keyboard.press("Enter")
    await expect(said).to_have_text(letters)
    await dialog.get_by_label(name).fill("ventas")
    for value, text in (("-1", low), ("1.5", whole)):
        await dialog.get_by_label(number).fill(value)
        await send.click()
        await expect(said).to_have_text(text)
        await expect(dialog.get_by_label(number)).to_be_focused()


async def test_an_empty_message_is_not_sent_and_a_text_that_follows_is(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    started.phone.incoming(ANA, "hola", notify_name="Ana")
    page = await open_panel(started, at="#messages", locale="es-AR")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").click()
    text = page.get_by_label("Mensaje", exact=True)
    await text.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("Completá este campo.")
    await text.fill("¡Hola!")
    await expect(page.get_by_role("alert")).to_be_hidden()
    await text.press("Enter")
    await expect(page.get_by_role("log").locator(".mine")).to_contain_text("¡Hola!")


async def test_the_log_in_asks_for_the_key(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.given |= {"api_key": KEY}
    await side.start()
    page = await open_panel(side, locale="es-AR")
    await page.get_by_role("button", name="Entrar").click()
    await expect(page.get_by_text("Completá este campo.")).to_be_visible()
    await expect(page.get_by_label("Clave de API")).to_be_focused()
