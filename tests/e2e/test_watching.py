"""The whole stack as a person and as Prometheus see it: the printed link to the panel, a message, metrics, an alert."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.mosquitto_server import free_port
from tests.parts import require_binary
from tests.prometheus_server import scraping

from .conftest import running

ANA = "5491155500001@c.us"


@pytest.mark.timeout(120)
async def test_the_sandbox_is_seen_in_the_panel_and_by_prometheus(tmp_path: Path) -> None:
    path = require_binary("chromium-headless-shell", "chromium-headless-shell")
    http, responder = str(free_port()), str(free_port())
    async with running(tmp_path, WA_HTTP_PORT=http, PORT=responder) as up, async_playwright() as playwright:
        link = next(word for word in (await up.printed("#link=")).split() if "#link=" in word)
        browser = await playwright.chromium.launch(executable_path=path, chromium_sandbox=os.geteuid() != 0)
        page = await browser.new_page(locale="en-GB")
        await page.goto(link)  # before a phone is paired: this is one of the ways to do that
        card = page.get_by_role("article", name="haby")
        await expect(card.locator(".badge")).to_have_text("Connected", timeout=30_000)
        await up.api("POST", "/incoming", {"chat": ANA, "body": "¿Abren hoy?"})
        await page.locator('nav a[href="#messages"]').click()
        await page.get_by_role("log").get_by_role("button", name="Answer").click()
        await page.keyboard.type("Sí, hasta las 20.")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("log").locator(".mine")).to_contain_text("read", timeout=15_000)
        await browser.close()
        jobs = {"wa-bridge": f"http://127.0.0.1:{http}", "wa-responder": f"http://127.0.0.1:{responder}"}
        async with scraping(tmp_path, jobs) as prometheus:
            await prometheus.has("wa_memory_bytes", "wa_responder_amiss", "wa_step_duration_seconds_bucket")
            await prometheus.draws_dashboard(but=("wa_model_", "wa_listener_"))  # there is neither
            assert await prometheus.firing() == set()
            await up.api("PUT", "/link", {"up": False})
            await prometheus.until("WaSessionDisconnected", fires=True)
