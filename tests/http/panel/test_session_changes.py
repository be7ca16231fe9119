"""Numbers in the panel: added, put to sleep, woken and removed by an admin."""

from __future__ import annotations

from playwright.async_api import expect

from bridge.drivers.scripted import ScriptedPhone
from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import PHONE, OpenPanel


async def test_a_number_is_added_sleeps_wakes_and_is_removed(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.phones["ventas"] = ScriptedPhone(side.clock, paired=True)
    await side.start()
    page = await open_panel(side, size=PHONE, locale="es-AR", at="#sessions", expected="400")
    await page.get_by_role("button", name="Agregar un número").click()
    await page.get_by_label("Nombre: letras, números, _ y -").fill("ventas")
    await page.get_by_label("Número de cliente (cliente_id)").fill("52")
    await page.get_by_role("dialog").get_by_role("button", name="Agregar un número").click()
    card = page.get_by_role("article", name="ventas")
    await card.get_by_role("button", name="Opciones").click()
    await page.get_by_label("Proxy").fill("http://ana:s3creto@127.0.0.1:3128")
    await page.get_by_label("Se duerme después").fill("2x")
    await page.get_by_role("dialog").get_by_role("button", name="Guardar").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Se duerme después").fill("2h")
    await page.get_by_role("dialog").get_by_role("button", name="Guardar").click()
    await expect(page.locator("#toasts")).to_contain_text("Listo")
    await card.get_by_role("button", name="Opciones").click()
    await expect(page.get_by_label("Proxy")).to_have_attribute("placeholder", "http://ana:***@127.0.0.1:3128")
    await expect(page.get_by_label("Se duerme después")).to_have_attribute("placeholder", "2h")
    await page.get_by_role("dialog").get_by_role("button", name="Cancelar").click()
    await card.get_by_role("button", name="Dormir").click()
    await page.get_by_role("dialog").get_by_role("button", name="Dormir").click()
    await expect(card).to_contain_text("Dormida")
    await card.get_by_role("button", name="Iniciar").click()
    await card.get_by_role("button", name="Detener").click()
    await page.get_by_role("dialog").get_by_role("button", name="Detener").click()
    await card.get_by_role("button", name="Quitar").click()
    await page.get_by_role("dialog").get_by_role("button", name="Quitar").click()
    await expect(card).to_have_count(0)
    assert "does not run" not in await page.locator("#toasts").inner_text()  # the bridge's sentence is English
    await expect(page.get_by_role("article", name="haby")).to_be_visible()
    async with side.client() as client:
        assert [found["session"] for found in (await client.get("/v1/sessions")).json()["sessions"]] == ["haby"]


async def test_a_button_that_is_pressed_while_its_card_changes_acts(started: HttpBridge, open_panel: OpenPanel) -> None:
    """A press takes a tenth of a second; a card of a busy number changes every two."""
    page = await open_panel(started, at="#sessions")
    card = page.get_by_role("article", name="haby")
    await card.get_by_role("button", name="Options").hover()
    await page.mouse.down()
    started.phone.incoming(ANA, "uno")
    for _ in range(2):
        async with page.expect_response("**/v1/sessions"):
            pass
    await page.mouse.up()
    await expect(page.get_by_label("Proxy")).to_be_visible()
    await expect(card.locator(".facts")).to_contain_text("Received1")
