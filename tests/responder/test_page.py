"""The conversations page in a real browser, at desktop and phone size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from bridge.contract.kinds.location import Place
from bridge.contract.kinds.media import Media
from tests.client.conftest import ANA, BETO
from tests.pictures import check_accessible, picture
from tests.responder.conftest import ResponderHarness

#: A host name that is not localhost: without HTTPS the browser restricts the page there.
REMOTE_HOST = "conversaciones.test"
#: More is written in the open chat than is in sight, and its end is.
AT_END = """() => {
    const { scrollTop, scrollHeight, clientHeight } = document.getElementById('messages');
    return scrollTop > 0 && scrollHeight - scrollTop - clientHeight < 2;
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """In Spanish; fails the test on a script error or a violation of the security policy."""
    problems: list[str] = []
    context = await browser.new_context(locale="es-AR", viewport={"width": 1200, "height": 800})
    page = await context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Security Policy" in line.text else None)
    yield page
    await context.close()
    assert problems == []


@pytest_asyncio.fixture(loop_scope="session")
async def shown(harness: ResponderHarness, page: Page) -> ResponderHarness:
    """Two conversations, and the page that shows them."""
    responder = await harness.start()
    phone = harness.bridge.phone
    phone.incoming(BETO, "¿Cuánto sale el envío a Córdoba? <b>gracias</b>", notify_name="Beto Gómez")
    await harness.verdicts(1)
    phone.incoming(ANA, "¡Buenas tardes! 🙋🏽‍♀️", notify_name="Ana Suárez")
    await harness.answers(1)
    await page.goto(responder.url)
    return harness


async def test_conversations_are_shown_live_and_text_stays_text(shown: ResponderHarness, page: Page) -> None:
    chats = page.get_by_role("navigation").get_by_role("button")
    await expect(chats).to_have_count(2)
    await expect(chats.nth(0)).to_contain_text("Ana Suárez")
    await page.get_by_role("button", name="Beto Gómez").click()
    log = page.get_by_role("log")
    await expect(log).to_contain_text("¿Cuánto sale el envío a Córdoba? <b>gracias</b>")
    await expect(log).to_contain_text("sin respuesta automática")
    shown.bridge.phone.incoming(BETO, "¿Hola?", notify_name="Beto Gómez")
    await expect(log.get_by_text("¿En qué podemos ayudarte?")).to_be_visible()
    await expect(chats.nth(0)).to_contain_text("Beto Gómez")
    shown.bridge.phone.incoming(BETO, "", type="ptt", notify_name="Beto Gómez")
    await expect(log.get_by_text("Mensaje de voz")).to_be_visible()
    await expect(chats.nth(0)).to_contain_text("Mensaje de voz")
    bill = Media(mimetype="application/pdf", filename="factura.pdf")
    shown.bridge.phone.incoming(BETO, "¿Está paga?", type="document", media=bill, notify_name="Beto Gómez")
    await expect(log.get_by_text("📄 Documento · factura.pdf")).to_be_visible()
    await expect(log.get_by_text("¿Está paga?")).to_be_visible()
    place = Place(latitude=-34.6037, longitude=-58.3816)
    shown.bridge.phone.incoming(BETO, "", type="location", location=place, notify_name="Beto Gómez")
    await expect(log.get_by_text("📍 Ubicación -34.60370, -58.38160")).to_be_visible()
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await check_accessible(page, "desk")
    await picture(page, "responder-desk")


async def test_a_person_answers_and_the_chat_pauses(shown: ResponderHarness, page: Page) -> None:
    await page.get_by_role("button", name="Beto Gómez").click()
    await page.get_by_label("Escribí una respuesta").fill("Hola Beto, $4.500 a toda la provincia.\nLlega en 3 días.")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log")).to_contain_text("persona")
    assert (await shown.answers(2))[1] == "Hola Beto, $4.500 a toda la provincia.\nLlega en 3 días."
    await expect(page.get_by_text("en pausa en este chat")).to_be_visible()
    shown.bridge.phone.incoming(BETO, "gracias")
    await expect(page.get_by_role("log")).to_contain_text("lo atiende una persona")
    await picture(page, "responder-paused")
    await page.get_by_role("button", name="Reanudar").click()
    await expect(page.get_by_text("en pausa en este chat")).to_be_hidden()
    shown.bridge.phone.incoming(BETO, "muchas gracias")
    await shown.answers(3)


async def test_an_empty_list_says_how_it_fills(harness: ResponderHarness, page: Page) -> None:
    responder = await harness.start()
    await page.goto(responder.url)
    await expect(page.get_by_text("Aparecen acá cuando alguien escribe.")).to_be_visible()
    await page.get_by_role("button", name="En pausa").click()
    await expect(page.get_by_text("Sin resultados.")).to_be_visible()


async def test_search_and_filters(shown: ResponderHarness, page: Page) -> None:
    chats = page.get_by_role("navigation").get_by_role("button")
    search = page.get_by_label("Buscar nombre, número o texto")
    for text, name in (("córdoba", "Beto"), ("suárez", "Ana"), ("0001", "Ana")):
        await search.fill(text)
        await expect(chats).to_have_count(1)
        await expect(chats.first).to_contain_text(name)
    await search.fill("100%_nada")
    await expect(page.get_by_text("Sin resultados.")).to_be_visible()
    await search.fill("")
    await page.get_by_role("button", name="En pausa").click()
    await expect(chats).to_have_count(0)


async def test_the_switches(shown: ResponderHarness, page: Page) -> None:
    await page.get_by_text("Respuestas automáticas").click()
    await page.get_by_role("switch", name="Todos los clientes").click()
    await expect(page.get_by_text("desactivadas")).to_be_visible()
    shown.bridge.phone.incoming(BETO, "hola")
    assert (await shown.verdicts(3))[-1] == "off"
    await page.get_by_role("switch", name="Todos los clientes").click()
    await page.get_by_role("switch", name="Cliente 51").click()
    await expect(page.get_by_role("switch", name="Cliente 51")).not_to_be_checked()
    await expect(page.get_by_text("desactivadas")).to_be_visible()  # for the only client
    await shown.until_rows("SELECT cliente_id, bot_activo FROM ll_bot_config", [(51, 0)])
    client = page.get_by_role("switch", name="Cliente 51")
    await client.focus()
    assert shown.responder is not None
    async with page.expect_response("**/api/switches"):
        shown.responder.changes.notify([None])
    await page.evaluate("() => new Promise(requestAnimationFrame)")
    await page.keyboard.press("Space")
    await expect(client).to_be_checked()
    await shown.until_rows("SELECT cliente_id, bot_activo FROM ll_bot_config", [(51, 1)])
    await expect(client).to_be_focused()
    await page.keyboard.press("Space")
    await expect(client).not_to_be_checked()
    await check_accessible(page, "switches")
    await picture(page, "responder-switches")


async def test_on_a_phone_either_the_list_or_the_chat_is_shown(shown: ResponderHarness, page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await picture(page, "responder-phone-list")
    await page.get_by_role("button", name="Ana Suárez").click()
    await expect(page.get_by_role("log")).to_contain_text("🙋🏽‍♀️")
    await expect(page.get_by_label("Buscar nombre, número o texto")).to_be_hidden()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width == 360
    await check_accessible(page, "chat on a phone")
    await picture(page, "responder-phone-chat")
    await page.reload()
    await expect(page.get_by_role("log")).to_contain_text("🙋🏽‍♀️")
    await page.go_back()
    await expect(page.get_by_label("Buscar nombre, número o texto")).to_be_visible()
    shown.bridge.phone.incoming(ANA, "\n".join(f"Línea {n}" for n in range(60)), notify_name="Ana Suárez")
    await expect(page.get_by_role("button", name="Ana Suárez")).to_contain_text("Línea 1")
    await page.get_by_role("button", name="Ana Suárez").click()
    await page.wait_for_function(AT_END, timeout=5000)
    await page.get_by_role("button", name="Volver a la lista").click()
    await expect(page.get_by_label("Buscar nombre, número o texto")).to_be_visible()
    assert page.url == responder_url(shown)


def responder_url(shown: ResponderHarness) -> str:
    assert shown.responder is not None
    return f"{shown.responder.url}/"


async def test_a_draft_is_kept_while_another_chat_is_open(shown: ResponderHarness, page: Page) -> None:
    await page.get_by_role("button", name="Beto Gómez").click()
    await page.get_by_label("Escribí una respuesta").fill("Hola Beto, te averiguo")
    await page.get_by_role("button", name="Ana Suárez").click()
    await expect(page.get_by_label("Escribí una respuesta")).to_have_value("")
    await page.get_by_role("button", name="Beto Gómez").click()
    await expect(page.get_by_label("Escribí una respuesta")).to_have_value("Hola Beto, te averiguo")
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_label("Write an answer")).to_have_value("Hola Beto, te averiguo")


async def test_what_is_written_stays_with_its_chat_when_answers_are_slow(shown: ResponderHarness, page: Page) -> None:
    held, asked = asyncio.Event(), asyncio.Event()
    beto, ana = (page.get_by_role("button", name=name) for name in ("Beto Gómez", "Ana Suárez"))
    text, log = page.get_by_label("Escribí una respuesta"), page.get_by_role("log")

    async def later(route: Route) -> None:
        asked.set()
        await held.wait()
        await route.continue_()

    await beto.click()
    await text.fill("Hola Beto")
    await ana.click()
    await expect(page.get_by_role("heading", name="Ana Suárez")).to_be_visible()
    await page.route(f"**/api/chats/{await beto.get_attribute('data-chat')}?*", later)
    await beto.click()
    await asked.wait()
    shown.bridge.phone.incoming(ANA, "¿Siguen ahí?", notify_name="Ana Suárez")  # while the chat is being opened
    await expect(ana).to_contain_text("¿Siguen ahí?")
    await expect(text).to_have_value("")
    held.set()
    await expect(page.get_by_role("heading", name="Beto Gómez")).to_be_visible()
    await expect(text).to_have_value("Hola Beto")
    held.clear()
    await page.route("**/replies", later)
    await text.press("Enter")
    await text.press("Enter")
    await text.fill("Otra cosa")
    held.set()
    await expect(log.get_by_text("Hola Beto")).to_be_visible()
    await expect(text).to_have_value("Otra cosa")
    held.clear()
    await expect(page.locator("#composer button")).to_be_enabled()
    await text.press("Enter")
    await ana.click()
    await expect(page.get_by_role("heading", name="Ana Suárez")).to_be_visible()
    await text.fill("Para Ana")
    held.set()
    await expect(page.locator("#composer button")).to_be_enabled()
    await expect(text).to_have_value("Para Ana")
    await beto.click()
    await expect(log.get_by_text("Otra cosa")).to_be_visible()
    await expect(text).to_have_value("")


async def test_problems_are_shown(harness: ResponderHarness, page: Page, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\nrules: []\n")
    responder = await harness.start(rules_file=rules)
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
    await picture(page, "responder-problems")


async def test_many_changes_cause_few_requests(shown: ResponderHarness, page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    assert shown.responder is not None
    for _ in range(50):
        shown.responder.changes.notify([1])
        await asyncio.sleep(0.02)  # as in a busy second
    shown.bridge.phone.incoming(BETO, "el último", notify_name="Beto Gómez")
    await expect(page.get_by_text("el último")).to_be_visible()
    assert len(requests) < 40


async def test_the_key_is_requested_once_and_kept(harness: ResponderHarness, page: Page) -> None:
    responder = await harness.start(api_key="clave-larga-de-prueba")
    harness.bridge.phone.incoming(ANA, "¿Están?", notify_name="Ana Suárez")
    await page.goto(responder.url.replace("127.0.0.1", REMOTE_HOST))
    await page.get_by_role("textbox", name="Clave").fill("otra")
    await page.get_by_role("button", name="Ingresar").click()
    await page.get_by_role("textbox", name="Clave").fill("clave-larga-de-prueba")
    await page.get_by_role("button", name="Ingresar").click()
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await page.reload()
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await expect(page.get_by_role("textbox", name="Clave")).to_be_hidden()
    await page.get_by_role("button", name="Ana Suárez").click()
    await page.get_by_label("Escribí una respuesta").fill("Sí, decime")
    await page.keyboard.press("Enter")
    assert await harness.answers(1) == ["Sí, decime"]


async def test_who_waits_for_an_answer_is_counted_and_filtered(shown: ResponderHarness, page: Page) -> None:
    await expect(page).to_have_title("(1) Conversaciones")
    waiting = page.get_by_role("button", name="Sin responder 1", exact=True)
    await waiting.click()
    chats = page.get_by_role("navigation").get_by_role("button")
    await expect(chats).to_have_count(1)
    await expect(chats).to_contain_text("Beto Gómez")
    shown.bridge.phone.own(BETO, "$4.500, Beto", timestamp=shown.bridge.phone.now() + 5)
    await expect(chats).to_have_count(0)
    await expect(page).to_have_title("Conversaciones")


async def test_a_broken_rules_file_is_no_working_responder(
    harness: ResponderHarness, page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("version: 1")
    responder = await harness.start(rules_file=path)
    await page.goto(responder.url)
    await expect(page.get_by_role("status")).to_have_text("Funciona")
    path.write_text("version: 1\nregals: []")
    await expect(page.get_by_role("status")).to_have_text("El archivo de reglas tiene un error", timeout=15_000)


async def test_the_language_is_chosen_and_kept(shown: ResponderHarness, page: Page) -> None:
    await page.get_by_role("button", name="Beto Gómez").click()
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", name="Conversations")).to_be_visible()
    await expect(page.get_by_role("log", name="Messages")).to_contain_text("no automatic answer")  # the chat stays open
    await page.reload()
    await expect(page.get_by_role("status")).to_have_text("Working")
    assert await page.evaluate("document.documentElement.lang") == "en"
    await page.get_by_role("button", name="Español").click()
    await expect(page.get_by_role("heading", name="Conversaciones")).to_be_visible()


async def test_a_lost_connection_is_reported_in_the_language_of_the_page(shown: ResponderHarness, page: Page) -> None:
    await page.get_by_role("button", name="Beto Gómez").click()
    text, alert = page.get_by_label("Escribí una respuesta"), page.get_by_role("alert")
    await expect(page.get_by_role("heading", name="Beto Gómez")).to_be_visible()
    await page.route("**/replies", lambda route: route.abort())
    await text.fill("Hola Beto")
    await text.press("Enter")
    await expect(alert).to_have_text("No hay conexión con el responder. Probá de nuevo en un momento.")
    await expect(text).to_have_value("Hola Beto")
    await page.unroute("**/replies")
    await text.press("Enter")
    await expect(page.get_by_role("log")).to_contain_text("Hola Beto")
    await page.evaluate("location.hash = '#chat-999999'")
    await expect(alert).to_have_text("Esta conversación ya no está.")


async def test_a_responder_that_is_silent_does_not_count_as_working(shown: ResponderHarness, page: Page) -> None:
    held = asyncio.Event()

    async def silent(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await expect(page.get_by_role("status")).to_have_text("Funciona")
    await page.route("**/api/chats?*", silent)
    await expect(page.get_by_role("status")).to_contain_text("Sin conexión", timeout=60_000)
    held.set()
    await expect(page.get_by_role("status")).to_have_text("Funciona", timeout=60_000)
