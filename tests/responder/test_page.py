"""The page with the conversations in a real browser, at the size of a desk and of a phone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.client.conftest import ANA, BETO
from tests.parts import require_binary
from tests.pictures import picture
from tests.responder.conftest import Whole

#: A name that a browser does not take for this machine: without HTTPS a page has fewer rights there.
ELSEWHERE = "conversaciones.test"
NOT_ROOT = os.geteuid() != 0  # Chromium has no sandbox for root


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A Spanish browser that reports faults of the page and what its security policy stopped."""
    problems: list[str] = []
    async with async_playwright() as playwright:
        path = os.environ.get("WA_BROWSER") or require_binary("chromium-headless-shell", "chromium-headless-shell")
        browser = await playwright.chromium.launch(
            executable_path=path, chromium_sandbox=NOT_ROOT, args=[f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"]
        )
        context = await browser.new_context(locale="es-AR", viewport={"width": 1200, "height": 800})
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)
        yield page
        await browser.close()
    assert problems == []


@pytest.fixture
async def shown(whole: Whole, page: Page) -> Whole:
    """Two conversations, and the page that shows them."""
    responder = await whole.start()
    phone = whole.side.phone
    phone.incoming(BETO, "¿Cuánto sale el envío a Córdoba? <b>gracias</b>", notify_name="Beto Gómez")
    await whole.verdicts(1)
    phone.incoming(ANA, "¡Buenas tardes! 🙋🏽‍♀️", notify_name="Ana Suárez")
    await whole.answers(1)
    await page.goto(responder.url)
    return whole


async def test_conversations_are_shown_live_and_text_stays_text(shown: Whole, page: Page) -> None:
    chats = page.get_by_role("navigation").get_by_role("button")
    await expect(chats).to_have_count(2)
    await expect(chats.nth(0)).to_contain_text("Ana Suárez")
    await page.get_by_role("button", name="Beto Gómez").click()
    log = page.get_by_role("log")
    await expect(log).to_contain_text("¿Cuánto sale el envío a Córdoba? <b>gracias</b>")
    await expect(log).to_contain_text("sin respuesta conocida")
    shown.side.phone.incoming(BETO, "¿Hola?", notify_name="Beto Gómez")
    await expect(log.get_by_text("¿En qué podemos ayudarte?")).to_be_visible()
    await expect(chats.nth(0)).to_contain_text("Beto Gómez")
    shown.side.phone.incoming(BETO, "", type="ptt", notify_name="Beto Gómez")
    await expect(log.get_by_text("Mensaje de voz")).to_be_visible()
    await expect(chats.nth(0)).to_contain_text("Mensaje de voz")
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await picture(page, "responder-desk")


async def test_a_person_answers_and_the_chat_pauses(shown: Whole, page: Page) -> None:
    await page.get_by_role("button", name="Beto Gómez").click()
    await page.get_by_label("Escribí una respuesta").fill("Hola Beto, $4.500 a toda la provincia.\nLlega en 3 días.")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log")).to_contain_text("persona")
    assert (await shown.answers(2))[1] == "Hola Beto, $4.500 a toda la provincia.\nLlega en 3 días."
    await expect(page.get_by_text("están en pausa acá")).to_be_visible()
    shown.side.phone.incoming(BETO, "gracias")
    await expect(page.get_by_role("log")).to_contain_text("lo atiende una persona")
    await picture(page, "responder-paused")
    await page.get_by_role("button", name="Reanudar").click()
    await expect(page.get_by_text("están en pausa acá")).to_be_hidden()
    shown.side.phone.incoming(BETO, "muchas gracias")
    await shown.answers(3)


async def test_search_and_filters(shown: Whole, page: Page) -> None:
    chats = page.get_by_role("navigation").get_by_role("button")
    search = page.get_by_label("Buscar nombre, número o texto")
    for text, name in (("córdoba", "Beto"), ("suárez", "Ana"), ("0001", "Ana")):
        await search.fill(text)
        await expect(chats).to_have_count(1)
        await expect(chats.first).to_contain_text(name)
    await search.fill("100%_nada")
    await expect(page.get_by_text("No hay nada.")).to_be_visible()
    await search.fill("")
    await page.get_by_role("button", name="En pausa").click()
    await expect(chats).to_have_count(0)


async def test_the_switches(shown: Whole, page: Page) -> None:
    await page.get_by_text("Respuestas automáticas").click()
    await page.get_by_role("switch", name="Todos los clientes").click()
    await expect(page.get_by_text("apagadas")).to_be_visible()
    shown.side.phone.incoming(BETO, "hola")
    assert (await shown.verdicts(3))[-1] == "off"
    await page.get_by_role("switch", name="Todos los clientes").click()
    await page.get_by_role("switch", name="Cliente 51").click()
    await expect(page.get_by_role("switch", name="Cliente 51")).not_to_be_checked()
    await expect(page.get_by_text("apagadas")).to_be_visible()  # for the only client there is
    await shown.until_rows("SELECT cliente_id, bot_activo FROM ll_bot_config", [(51, 0)])
    await picture(page, "responder-switches")


async def test_on_a_phone_one_thing_at_a_time(shown: Whole, page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await picture(page, "responder-phone-list")
    await page.get_by_role("button", name="Ana Suárez").click()
    await expect(page.get_by_role("log")).to_contain_text("🙋🏽‍♀️")
    await expect(page.get_by_label("Buscar nombre, número o texto")).to_be_hidden()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width == 360
    await picture(page, "responder-phone-chat")
    await page.reload()
    await expect(page.get_by_role("log")).to_contain_text("🙋🏽‍♀️")
    await page.go_back()
    await expect(page.get_by_label("Buscar nombre, número o texto")).to_be_visible()
    await page.get_by_role("button", name="Ana Suárez").click()
    await page.get_by_role("button", name="Volver a la lista").click()
    await expect(page.get_by_label("Buscar nombre, número o texto")).to_be_visible()
    assert page.url == responder_url(shown)


def responder_url(shown: Whole) -> str:
    assert shown.responder is not None
    return f"{shown.responder.url}/"


async def test_what_was_being_written_is_there_when_one_comes_back(shown: Whole, page: Page) -> None:
    await page.get_by_role("button", name="Beto Gómez").click()
    await page.get_by_label("Escribí una respuesta").fill("Hola Beto, te averiguo")
    await page.get_by_role("button", name="Ana Suárez").click()
    await expect(page.get_by_label("Escribí una respuesta")).to_have_value("")
    await page.get_by_role("button", name="Beto Gómez").click()
    await expect(page.get_by_label("Escribí una respuesta")).to_have_value("Hola Beto, te averiguo")


async def test_what_went_wrong_is_shown(whole: Whole, page: Page, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\nrules: []\n")
    responder = await whole.start(rules_file=rules)
    await page.goto(responder.url)
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await expect(page.get_by_text("reciente")).to_be_hidden()
    rules.write_text("version: 1\nrules: nothing\n")
    for _ in range(2):
        responder.faults.note("model_failed", "54911***01", "HTTP 503; asked again in 15 s")
    responder.changes.notify([None])
    await page.get_by_text("2 problemas recientes").click()
    await expect(page.get_by_text("HTTP 503; asked again in 15 s")).to_be_visible()
    await expect(page.get_by_text("rules.yaml")).to_be_visible()
    await picture(page, "responder-troubles")


async def test_a_flood_of_changes_is_looked_at_a_few_times(shown: Whole, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    assert shown.responder is not None
    for _ in range(50):
        shown.responder.changes.notify([1])
        await asyncio.sleep(0.02)  # as they come in a busy second
    shown.side.phone.incoming(BETO, "el último", notify_name="Beto Gómez")
    await expect(page.get_by_text("el último")).to_be_visible()
    assert len(asked) < 40


async def test_a_key_is_asked_for_and_kept(whole: Whole, page: Page) -> None:
    responder = await whole.start(api_key="clave-larga-de-prueba")
    whole.side.phone.incoming(ANA, "¿Están?", notify_name="Ana Suárez")
    await page.goto(responder.url.replace("127.0.0.1", ELSEWHERE))
    await page.get_by_role("textbox", name="Clave").fill("otra")
    await page.get_by_role("button", name="Entrar").click()
    await page.get_by_role("textbox", name="Clave").fill("clave-larga-de-prueba")
    await page.get_by_role("button", name="Entrar").click()
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await page.reload()
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await expect(page.get_by_role("textbox", name="Clave")).to_be_hidden()
    await page.get_by_role("button", name="Ana Suárez").click()
    await page.get_by_label("Escribí una respuesta").fill("Sí, decime")
    await page.keyboard.press("Enter")
    assert await whole.answers(1) == ["Sí, decime"]
