"""The bridge's panel with a responder: rules, hours, quick replies, and in a chat what the responder does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, ViewportSize, expect

from bridge.settings import load as load_bridge
from tests.client.conftest import ANA, BETO, ScriptedBridge, served_bridge
from tests.http.panel.pages import DESK, OpenPanel, open_panel
from tests.loopback import http_client
from tests.mosquitto_server import MosquittoServer, free_port
from tests.pictures import check_accessible, picture
from tests.responder.conftest import ResponderHarness

__all__ = ["open_panel"]
NARROW: ViewportSize = {"width": 320, "height": 700}
KEY = "clave-larga-de-prueba-0123456789"
SECRET = "un-secreto-de-prueba-bastante-largo-0123456789"


class PanelOf:
    """The address of a bridge's panel."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest_asyncio.fixture(loop_scope="session", params=[{}])
async def scripted_bridge(
    broker: MosquittoServer, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[ScriptedBridge]:
    """As in conftest, with HTTP, and with the address of a responder that the harness starts."""
    settings = load_bridge(
        addresses=broker.url("bridge"),
        data_dir=tmp_path / "bridge",
        pace="off",
        instance="test",
        responder_url=f"http://127.0.0.1:{free_port()}",
        **request.param,
    )
    async with served_bridge(settings) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def panel(harness: ResponderHarness, scripted_bridge: ScriptedBridge) -> PanelOf:
    """The panel, with a responder that the bridge finds."""
    assert scripted_bridge.http is not None
    url = f"http://127.0.0.1:{scripted_bridge.http.getsockname()[1]}"
    given: dict[str, Any] = {
        name.removeprefix("responder_"): value
        for name in ("api_key", "jwt_secret", "responder_secret")
        if (value := getattr(scripted_bridge.settings, name)) is not None
    }
    await harness.start(port=urlsplit(str(scripted_bridge.settings.responder_url)).port, **given)
    return PanelOf(url)


async def check(page: Page, name: str) -> None:
    """Accessible, within the window, and pictured."""
    await check_accessible(page, name)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
    await picture(page, f"answers-{name}")


@pytest.mark.parametrize(("name", "size", "scheme"), [("desk", DESK, "light"), ("narrow", NARROW, "dark")])
async def test_an_owner_makes_rules_hours_and_replies(
    panel: PanelOf, harness: ResponderHarness, open_panel: OpenPanel, name: str, size: ViewportSize, scheme: str
) -> None:
    page = await open_panel(panel, size=size, scheme=scheme, locale="es-AR", at="#answers", expected="400")
    await page.get_by_text("hola / hello").click()
    await expect(page.get_by_text("El mensaje es solamente:").first).to_be_visible()
    await check(page, f"shipped-{name}")
    await page.get_by_role("button", name="Hacer mis reglas").click()
    text = page.get_by_role("textbox", name="Texto de las reglas")
    rule = "version: 1\nrules:\n  - name: envíos\n    when: {contains: [envio]}\n    anwser: Sí, a todo el país.\n"
    await text.fill(rule)
    await page.get_by_role("button", name="Guardar", exact=True).click()
    await expect(page.get_by_text("no hay una clave 'anwser'; las que hay: name, when, answer")).to_be_visible()
    await check(page, f"mistake-{name}")
    await page.get_by_role("button", name="Línea 5").click()
    assert await text.evaluate("(area) => area.value.slice(area.selectionStart, area.selectionEnd)") == (
        "    anwser: Sí, a todo el país."
    )
    await text.fill(rule.replace("anwser", "answer"))
    await page.get_by_label("Una frase de un cliente").fill("¿Hacen ENVÍO a Salta?")
    await page.get_by_role("button", name="Probar").click()
    await expect(page.get_by_text("Responde la regla «envíos»:")).to_be_visible()
    await page.get_by_role("button", name="Guardar", exact=True).click()
    await expect(page.get_by_role("button", name="Editar como texto")).to_be_visible()
    assert harness.responder is not None
    assert harness.responder.rules.path.read_text() == rule.replace("anwser", "answer")
    await page.get_by_label("Lunes").fill("9 a 18")
    await page.get_by_role("button", name="Guardar el horario").click()
    await expect(page.get_by_text("Las horas van como")).to_be_visible()
    await page.get_by_label("Lunes").fill("09:00-18:00")
    await page.get_by_label("Respuesta fuera de horario").fill("Estamos cerrados.")
    await page.get_by_role("button", name="Guardar el horario").click()
    await expect(page.get_by_text("Vienen de la configuración")).to_be_hidden()
    await page.get_by_role("button", name="Agregar una respuesta rápida").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Nombre").fill("envíos")
    await dialog.get_by_label("Mensaje").fill("Enviamos a todo el país.")
    await dialog.get_by_role("button", name="Guardar").click()
    await expect(page.get_by_role("button", name="Editar envíos")).to_be_visible()
    await check(page, f"own-{name}")
    assert "lun 09:00-18:00" in harness.responder.rules.path.read_text()
    await page.reload()
    await page.get_by_role("button", name="Editar como texto").click()
    await text.fill((await text.input_value()).replace("lun 09:00-18:00", "lun 10:00-11:00"))
    await page.get_by_role("button", name="Guardar", exact=True).click()
    await expect(page.get_by_label("Lunes")).to_have_value("10:00-11:00")


@pytest.mark.parametrize(("name", "size", "scheme"), [("desk", DESK, "light"), ("narrow", NARROW, "dark")])
async def test_who_waits_is_answered_and_the_bot_stops(
    panel: PanelOf, harness: ResponderHarness, open_panel: OpenPanel, name: str, size: ViewportSize, scheme: str
) -> None:
    phone = harness.bridge.phone
    phone.answers |= {"chats.list": {"chats": [], "next": None}, "chats.history": {"messages": [], "complete": True}}
    phone.answers |= {"chats.read": {}}
    phone.incoming(BETO, "¿Cuánto sale el envío?", notify_name="Beto Gómez")
    await harness.verdicts(1)
    phone.incoming(ANA, "hola", notify_name="Ana")
    await harness.answers(1)
    assert harness.responder is not None
    harness.responder.rules.path.write_text(
        "version: 1\ntemplates:\n  - {name: envío, text: 'Sale $4.500.'}\n  - {name: horario, text: 'De 9 a 18.'}\n"
    )
    page = await open_panel(panel, size=size, scheme=scheme, locale="es-AR", at="#messages")
    await expect(page).to_have_title("(1) Mensajes · WhatsApp ⇄ MQTT")
    await page.get_by_role("button", name="Sin responder: 1").click()
    await page.get_by_role("listitem").filter(has_text="Beto Gómez").click()
    await expect(page.get_by_text("Responde solo", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Pausar", exact=True).click()
    await expect(page.get_by_text("En pausa", exact=True)).to_be_visible()
    await expect(page.get_by_text("Hasta que reanudes.")).to_be_visible()
    bar = await page.locator(".bot").bounding_box()
    assert bar is not None
    assert bar["height"] < 70  # two lines at most
    await check(page, f"paused-{name}")
    await page.get_by_role("button", name="Reanudar").click()
    await expect(page.get_by_role("button", name="Pausar 30 min")).to_be_visible()
    text = page.locator(".composer textarea")
    await text.press_sequentially("/env")
    await expect(page.get_by_role("option")).to_have_count(1)
    await check(page, f"replies-{name}")
    await page.keyboard.press("Enter")
    await expect(text).to_have_value("Sale $4.500.")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Se respondió en el panel.")).to_be_visible()
    await expect(page).to_have_title("Mensajes · WhatsApp ⇄ MQTT")


@pytest.mark.parametrize(
    "scripted_bridge", [{"api_key": KEY}, {"jwt_secret": SECRET}, {"responder_secret": KEY}], indirect=True
)
async def test_the_bridge_is_admitted_by_key_token_or_secret(panel: PanelOf, scripted_bridge: ScriptedBridge) -> None:
    from bridge.http.credentials import new_key
    from bridge.ports import Scope
    from bridge.store import BRIDGE_STORE, BridgeStore

    made = new_key("test", [Scope.ADMIN], None, 0.0)
    other = new_key("ventas", [Scope.LISTEN], ["ventas"], 0.0)
    path = scripted_bridge.settings.data_dir / BRIDGE_STORE
    async with BridgeStore(path, now=scripted_bridge.clock.now) as store:
        for one in (made, other):
            await store.access.add_key(one.key)
    async with http_client(f"{panel.url}/v1/responder", headers={"x-api-key": made.text}) as http:
        rules = await http.get("/rules")
        assert (rules.status_code, rules.json()["own"]) == (200, False), rules.text
        wrong = await http.put("/rules", json={"text": "rules: [", "revision": rules.json()["revision"]})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "wrong_rules")
        assert wrong.headers["content-type"] == "application/problem+json"
        seen = await http.get("/chats", headers={"x-api-key": other.text})
        assert seen.json()["chats"] == []


async def test_the_settings_of_the_responder_stand_beside_those_of_the_bridge(
    panel: PanelOf, harness: ResponderHarness, open_panel: OpenPanel
) -> None:
    page = await open_panel(panel, size=NARROW, locale="es-AR", at="#settings", expected="503")
    gather = page.get_by_role("article", name="RESPONDER_GATHER")
    await expect(gather).to_contain_text("Segundos de silencio que espera una respuesta")
    await expect(page.get_by_role("heading", name="Respuestas automáticas", level=2)).to_be_visible()
    await expect(page.get_by_role("heading", name="Campañas", level=2)).to_have_count(0)
    await expect(page.get_by_role("article", name="DB_PASSWORD")).to_contain_text("sin definir")
    await expect(page.get_by_role("article", name="WA_SESSIONS", exact=True)).to_have_count(1)  # the bridge's
    await page.get_by_role("button", name="Solo lo que cambia").click()
    await expect(page.get_by_role("article", name="PORT", exact=True)).to_contain_text("wa up")
    await expect(page.get_by_role("article", name="RESPONDER_TRANSCRIBE", exact=True)).to_have_count(0)
    await check(page, "settings")
    assert harness.responder is not None
    await harness.stop()
    page = await open_panel(panel, at="#settings", expected="503")
    await expect(page.get_by_role("heading", name="Automatic answers", level=2)).to_be_visible()
    await expect(page.get_by_text("The responder does not answer")).to_be_visible()
    await expect(page.get_by_role("article", name="WA_PACE", exact=True)).to_be_visible()


async def test_the_panel_asks_before_an_opt_out_is_undone(
    panel: PanelOf, harness: ResponderHarness, open_panel: OpenPanel
) -> None:
    opted_out = "SELECT count(*) FROM wa_chat WHERE opted_out_at IS NOT NULL"
    harness.bridge.phone.incoming(BETO, "baja", notify_name="Beto")
    await harness.verdicts(1)
    page = await open_panel(panel, locale="es-AR", at="#messages")
    await page.get_by_role("list", name="Chats").get_by_role("button", name="Beto").click()
    again, sure = page.locator(".bot").get_by_role("button", name="Volver a responder"), page.get_by_role("dialog")
    await again.click()
    await sure.get_by_role("button", name="Cancelar").click()
    await harness.until_rows(opted_out, [(1,)])
    await again.click()
    await sure.get_by_role("button", name="Volver a responder").click()
    await expect(again).to_be_hidden()
    await harness.until_rows(opted_out, [(0,)])
