"""What the conversations page asks before it acts, and what it says when it has no answer."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, Route, expect

from tests.client.conftest import BETO
from tests.http.panel.test_no_answer import IMPATIENT, swallow
from tests.pictures import check_accessible, picture
from tests.responder.conftest import ResponderHarness
from tests.responder.test_page import page, shown

__all__ = ["page", "shown"]
OPTED_OUT = "SELECT count(*) FROM wa_chat WHERE opted_out_at IS NOT NULL"
ONCE = "Todavía no hay respuesta: puede que se haya enviado. Podés apretar de nuevo: se envía una sola vez."
UNKNOWN = "Todavía no hay respuesta: puede que se haya hecho. Fijate antes de repetirlo."


async def test_an_opt_out_is_undone_after_a_question(shown: ResponderHarness, page: Page) -> None:
    shown.bridge.phone.incoming(BETO, "baja", notify_name="Beto Gómez")
    await shown.verdicts(3)
    await page.get_by_role("button", name="Beto Gómez").click()
    again, sure = page.locator("#notice").get_by_role("button", name="Volver a responder"), page.get_by_role("dialog")
    await again.press("Enter")
    await expect(sure).to_contain_text("campañas")
    await expect(sure.get_by_role("button", name="Cancelar")).to_be_focused()
    await check_accessible(page, "opt-in")
    await picture(page, "responder-opt-in")
    await page.keyboard.press("Enter")
    await expect(sure).to_be_hidden()
    await expect(again).to_be_focused()
    await again.press("Enter")
    await page.keyboard.press("Escape")
    await expect(sure).to_be_hidden()
    assert shown.responder is not None
    async with page.expect_response("**/api/switches"):
        shown.responder.changes.notify([None])  # the notice is drawn again
    await expect(again).to_be_focused()
    await shown.until_rows(OPTED_OUT, [(1,)])
    await again.press("Enter")
    await sure.get_by_role("button", name="Volver a responder").click()
    await expect(again).to_be_hidden()
    await expect(page.get_by_label("Escribí una respuesta")).to_be_focused()
    await shown.until_rows(OPTED_OUT, [(0,)])


async def test_an_answer_without_an_answer_is_sent_once(shown: ResponderHarness, page: Page) -> None:
    await page.add_init_script(IMPATIENT)
    await page.reload()
    text, alert, held = page.get_by_label("Escribí una respuesta"), page.locator("#alert"), asyncio.Event()
    await page.get_by_role("button", name="Beto Gómez").click()
    await text.fill("Sí")
    await swallow(page, "**/replies")
    await text.press("Enter")
    await expect(alert).to_have_text(ONCE)
    await expect(text).to_have_value("Sí")
    await page.reload()
    await expect(text).to_have_value("Sí")
    async with page.expect_response("**/replies"):
        await text.press("Enter")
    await expect(text).to_have_value("")
    assert await shown.answers(2) == [(await shown.answers(1))[0], "Sí"]
    await expect(page.locator("#composer button")).to_be_enabled()
    await text.fill("Sí")
    await text.press("Enter")  # written again, it is another answer
    assert (await shown.answers(3))[2] == "Sí"

    async def silent(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/pause", silent, times=1)
    await page.get_by_role("button", name="Reanudar").click()
    await expect(alert).to_have_text(UNKNOWN)
    held.set()
