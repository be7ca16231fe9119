"""The panel in many windows, and while its bridge does not answer."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, Route, expect

from bridge.drivers.scripted import ScriptedPhone
from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel

#: More than the connections that a browser opens to one host.
WINDOWS = 7


async def test_any_number_of_windows_show_what_arrives(started: HttpBridge, open_panel: OpenPanel) -> None:
    first = await open_panel(started, at="#messages")
    windows: list[Page] = [first]
    while len(windows) < WINDOWS:
        window = await first.context.new_page()
        await window.goto(f"{started.url}/#messages")
        await expect(window.get_by_role("heading", name="Messages", level=1)).to_be_visible()
        windows.append(window)
    assert [await window.evaluate("document.hidden") for window in windows] == [False] * WINDOWS
    for text in ("el primero", "el segundo"):
        started.phone.incoming(ANA, text, notify_name="Ana")
        for window in windows:
            await expect(window.get_by_role("list", name="Chats")).to_contain_text(text)


async def test_a_bridge_that_is_silent_is_reported(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, locale="es-AR")
    await expect(page.get_by_role("article", name="haby")).to_contain_text("Conectada")
    asked, answered = list[str](), asyncio.Event()

    async def silent(route: Route) -> None:
        asked.append(route.request.url)
        await answered.wait()
        await route.continue_()

    await page.route("**/v1/sessions", silent)
    lost = page.get_by_text("El puente no responde.")
    await expect(lost).to_be_visible(timeout=30_000)
    assert len(asked) <= 2, "one at a time: a browser has six connections"
    answered.set()
    await expect(lost).to_be_hidden(timeout=30_000)


async def test_a_section_that_opened_without_an_answer_shows_its_session_later(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    started.phone.incoming(ANA, "¿Hay alguien?", notify_name="Ana")
    await started.journalled(1)
    page = await open_panel(started, expected="ERR_FAILED")
    await expect(page.get_by_role("article", name="haby")).to_be_visible()
    await page.route("**/v1/sessions", lambda route: route.abort(), times=1)
    await page.goto("about:blank")
    await page.goto(f"{started.url}/#messages")
    await expect(page.get_by_role("list", name="Chats")).to_contain_text("¿Hay alguien?")


async def test_the_section_of_a_session_that_is_removed_shows_another_one(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    started.phones["ventas"] = ScriptedPhone(started.clock, paired=True)
    async with started.client() as client:
        (await client.post("/v1/sessions", json={"session": "ventas", "cliente_id": 7})).raise_for_status()
        started.phone.incoming(ANA, "para haby", notify_name="Ana")
        page = await open_panel(started, at="#messages", expected="404")
        await page.get_by_label("Session").select_option("ventas")
        await expect(page.get_by_text("Waiting for messages…")).to_be_visible()
        await client.post("/v1/sessions/ventas/control", json={"action": "close"})
        (await client.delete("/v1/sessions/ventas")).raise_for_status()
    await expect(page.get_by_role("list", name="Chats")).to_contain_text("para haby")
