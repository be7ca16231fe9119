"""The phone's page as people see it: both languages, narrow and wide windows, light and dark."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from playwright.async_api import Page, expect

from bridge.sandbox import Sandbox
from tests.pictures import check_accessible, picture
from tests.sample_files import JPEG, MP4, OGG
from tests.sandbox.conftest import OpenPhone, write
from tests.sandbox.test_double import ANA, GROUP

CHAT = f'[data-chat="{ANA}"]'
NEW_YEAR = 1767279600  # 2026-01-01 15:00 UTC
TEXTS = """async () => {
    const { english } = await import('/assets/phone/texts/en.js');
    const { spanish } = await import('/assets/phone/texts/es.js');
    return [english, spanish];
}"""
#: Every text of the page, and every attribute that is shown or read out, shown or not.
WRITTEN = """() => {
    const found = [document.title];
    for (const node of document.querySelectorAll('body *')) {
        for (const name of ['aria-label', 'placeholder', 'title', 'alt']) found.push(node.getAttribute(name));
        for (const child of node.childNodes) if (child.nodeType === Node.TEXT_NODE) found.push(child.data.trim());
    }
    return found.filter(Boolean);
}"""
#: What of `english` is written in `written`, but for the texts that `spanish` has, too. `{0}` stands for any value.
FOUND = r"""([english, spanish, written]) => {
    const own = new Set(Object.values(spanish));
    const pattern = (text) => new RegExp(`^${text.replace(/[.*+?^$()|[\]]/g, '\\$&').replace(/\{\d\}/g, '.+')}$`);
    const words = Object.values(english).filter((text) => !own.has(text)).map(pattern);
    return written.filter((text) => words.some((word) => word.test(text)));
}"""
#: The contrast of an element's text with the first background behind it.
CONTRAST = r"""(element) => {
    const parts = (color) => color.match(/[\d.]+/g).map(Number)
        .map((one, index) => (color.startsWith('color(') && index < 3 ? one * 255 : one));
    const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
        .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
        .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
    let behind = element;
    while (parts(getComputedStyle(behind).backgroundColor)[3] < 1) behind = behind.parentElement;
    const both = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(parts).map(light);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""


def fill(sandbox: Sandbox) -> None:
    """A conversation with Ana of many kinds, and one in the group."""
    world = sandbox.world
    first = world.incoming(ANA, "¿Ya salió el pedido? " + "largo" * 30, t=NEW_YEAR)
    world.own(ANA, "Sale hoy.", quoted=first.id, t=NEW_YEAR + 86400)
    for kind, content, mimetype in (
        *(("image", JPEG, "image/jpeg"), ("ptt", OGG, "audio/ogg"), ("video", MP4, "video/mp4")),
        ("document", b"%PDF", "application/pdf"),
    ):
        named = {"filename": "remito.pdf"} if kind == "document" else {}
        fields = {**sandbox.received.keep(content, kind), "mimetype": mimetype, **named}
        world.incoming(ANA, "", kind=kind, fields=fields)
    world.incoming(ANA, "", kind="location", fields={"lat": -34.6037, "lng": -58.3816, "loc": "Obelisco"})
    options = [{"name": name, "localId": number} for number, name in enumerate(("Lunes", "Martes"))]
    world.incoming(ANA, "", kind="poll_creation", fields={"pollName": "¿Qué día?", "pollOptions": options})
    world.acts.react(first.id, "👍")
    world.acts.edit(first.id, "¿Ya salió el pedido?")
    world.acts.revoke(world.incoming(ANA, "borrame").id)
    world.groups.remove(GROUP, ["5491155500002@c.us"], ANA)
    world.groups.promote(GROUP, ["5491155500004@c.us"], ANA)
    world.directory.chats[ANA].archived = True


async def fits(page: Page) -> bool:
    return bool(await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"))


async def test_both_languages_have_the_same_texts(phone: Page) -> None:
    english, spanish = await phone.evaluate(TEXTS)
    assert list(english) == list(spanish)
    for key, text in english.items():
        assert text.count("{") == spanish[key].count("{"), key
    sources = await phone.evaluate("""async () => Promise.all([...performance.getEntriesByType('resource')]
        .filter(({ name }) => name.endsWith('.js')).map(async ({ name }) => (await fetch(name)).text()))""")
    page = await phone.content() + "".join(sources)
    computed = ("ack_", "change_", "presence_", "send_")
    unused = [
        key
        for key in english
        if f"'{key}'" not in page and f'"{key}"' not in page and key[: key.find("_") + 1] not in computed
    ]
    assert unused == []


async def test_the_page_in_spanish_has_no_english_text(sandbox: Sandbox, open_phone: OpenPhone) -> None:
    fill(sandbox)
    page = await open_phone(locale="es-AR", timezone_id="America/Argentina/Buenos_Aires")
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await page.get_by_role("button", name="Vecinos").click()
    await page.get_by_label("Grupo", exact=True).click()
    await expect(page.get_by_role("log")).to_contain_text("Ana: eliminó a Bruno")
    written = await page.evaluate(WRITTEN)
    await page.locator(CHAT).click()
    await page.get_by_label("Contacto y chat").click()
    await page.get_by_label("Enviar otra cosa").click()
    await page.locator("#kinds-list").get_by_role("button", name="Encuesta").click()
    await expect(page.get_by_role("log").locator(".day").first).to_have_text("jueves, 1 de enero")
    await expect(page.get_by_role("navigation").get_by_text("archivado")).to_be_visible()
    written += await page.evaluate(WRITTEN)
    english, spanish = await page.evaluate(TEXTS)
    assert await page.evaluate(FOUND, [english, spanish, written]) == []
    assert "Remove" in await page.evaluate(FOUND, [english, spanish, ["Remove", "Eliminar"]])
    await picture(page, "phone-poll-form")


async def test_the_language_is_switched_and_kept(sandbox: Sandbox, open_phone: OpenPhone) -> None:
    fill(sandbox)
    page = await open_phone(locale="es-AR")
    await page.locator(CHAT).click()
    await page.get_by_label("Mensaje", exact=True).fill("sin enviar")
    await page.get_by_role("button", name="English").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page).to_have_title("Sandbox phone")
    await expect(page.get_by_label("Message", exact=True)).to_have_value("sin enviar")
    await expect(page.get_by_role("log")).to_contain_text("Thursday 1 January")
    written = await page.evaluate(WRITTEN)
    english, spanish = await page.evaluate(TEXTS)
    assert await page.evaluate(FOUND, [spanish, english, written]) == []
    await page.reload()
    await expect(page.get_by_role("button", name="Español")).to_be_visible()


@pytest.mark.parametrize(("scheme", "locale"), list(itertools.product(("light", "dark"), ("en-GB", "es-AR"))))
async def test_nothing_is_wider_than_320_pixels(
    sandbox: Sandbox, open_phone: OpenPhone, scheme: str, locale: str
) -> None:
    fill(sandbox)
    size: Any = {"width": 320, "height": 640}
    page = await open_phone(locale=locale, color_scheme=scheme, viewport=size)
    await expect(page.locator(CHAT)).to_be_visible()
    await page.locator(".faults summary").click()
    assert await fits(page)
    await check_accessible(page, f"chats {scheme}")
    await picture(page, f"phone-chats-320-{scheme}-{locale[:2]}")
    await page.locator(CHAT).click()
    log = page.get_by_role("log")
    await expect(log.locator(".bubble")).to_have_count(9)
    menus = page.locator("#open details:visible > summary")
    for number in range(await menus.count()):
        await menus.nth(number).click()
        assert await fits(page)
        await page.keyboard.press("Escape")
    assert await log.evaluate("(log) => log.scrollWidth <= log.clientWidth")
    await check_accessible(page, f"chat {scheme}")
    await picture(page, f"phone-chat-320-{scheme}-{locale[:2]}")
    await page.locator("#kinds summary").click()
    await page.locator("#kinds-list button").last.click()
    assert await fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_is_legible_in_light_and_dark(sandbox: Sandbox, open_phone: OpenPhone, scheme: str) -> None:
    fill(sandbox)
    page = await open_phone(color_scheme=scheme, viewport={"width": 1280, "height": 860})
    await page.locator(CHAT).click()
    await write(page, "visible")
    await page.locator(f'[data-chat="{GROUP}"]').click()
    sandbox.world.incoming(GROUP, "con autor", author=ANA)
    assert await page.locator(".author").evaluate(CONTRAST) >= 4.5
    await page.locator(CHAT).click()
    for text in ("#account", ".last", ".body", ".meta", ".kind", ".map", ".quote", "#title", "#language", "#text"):
        # all at once: rows and bubbles are replaced as ticks come
        contrasts = await page.locator(text).evaluate_all(f"(all) => all.map({CONTRAST})")
        assert min(contrasts) >= 4.5, text
    wall = await page.locator("#conversation").evaluate("(one) => getComputedStyle(one).backgroundColor")
    assert wall == {"light": "rgb(233, 239, 233)", "dark": "rgb(12, 18, 17)"}[scheme]
    await picture(page, f"phone-{scheme}")
