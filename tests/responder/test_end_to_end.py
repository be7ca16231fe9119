"""The whole product with `wa up`: a message typed on the sandbox phone is answered there, with ticks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from bridge.sandbox import Sandbox
from tests.e2e.conftest import Product, running, until
from tests.loopback import http_client
from tests.mosquitto_server import free_port
from tests.responder.openai_server import OpenAiServer

ANA, BETO, CARLA = (f"549115555000{number}@c.us" for number in (1, 2, 3))


@asynccontextmanager
async def phone_of(product: Product, browser: Browser) -> AsyncIterator[Page]:
    page = await browser.new_page()
    await page.goto(await product.phone_url())
    yield page
    await page.close()


async def say(phone: Page, text: str) -> None:
    await phone.get_by_label("Message", exact=True).fill(text)
    await phone.keyboard.press("Enter")


async def test_the_phone_shows_typing_while_the_model_works_and_then_the_answer(
    tmp_path: Path, browser: Browser
) -> None:
    async with OpenAiServer() as server:
        server.script = [answering := asyncio.Event()]
        async with running(
            tmp_path, RESPONDER_ACTIVO="on", PORT=str(free_port()), OPENAI_API_KEY="clave", OPENAI_BASE_URL=server.url
        ) as product:
            await product.printed("haby connected")
            async with phone_of(product, browser) as phone:
                await phone.get_by_role("button", name="Ana").click()
                await say(phone, "¿Hacen envíos a Rosario?")
                bubbles = phone.get_by_role("log").locator(".bubble")
                await expect(phone.locator(".bubble.typing")).to_be_visible(timeout=20_000)
                await expect(bubbles).to_have_count(2)  # the question and the typing indicator
                answering.set()
                await expect(bubbles.nth(1)).to_contain_text("Sobre «¿Hacen envíos a Rosario?»: sí.", timeout=20_000)
                await expect(bubbles.nth(1).get_by_label("read")).to_be_visible()
                await expect(phone.locator(".bubble.typing")).to_have_count(0)
                await expect(bubbles).to_have_count(2)


async def test_hola_on_the_phone_is_answered_with_ticks(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path, RESPONDER_ACTIVO="on", PORT=str(free_port())) as product:
        await product.printed("haby connected")
        async with phone_of(product, browser) as phone:
            await answered(product, phone)


@pytest.mark.timeout(150)
async def test_with_a_real_number_nothing_is_answered_until_it_is_switched_on(tmp_path: Path) -> None:
    async with Sandbox(auto_scan=True) as sandbox:
        ports = {"PORT": str(free_port()), "WA_HTTP_PORT": str(free_port()), "WA_CAMPAIGNS_PORT": str(free_port())}
        given: dict[str, Any] = {**ports, "WA_WEB_URL": sandbox.url, "RESPONDER_ACTIVO": "", "RESPONDER_GATHER": "0"}

        def sent() -> list[str]:
            return [message.chat for message in sandbox.world.state.sent.values()]

        async with running(tmp_path, sandbox=False, **given) as product:
            assert "«Automatic answers» in the panel" in await product.printed("responder")
            await product.printed("haby connected")
            sandbox.world.incoming(ANA, "hola")
            await _recorded(product, "hola")
            async with http_client(f"http://127.0.0.1:{ports['WA_HTTP_PORT']}") as panel:
                assert (await panel.get("/v1/responder/switches")).json()["active"] is False
                switched = await panel.post("/v1/responder/switches/active", json={"active": True})
                assert switched.is_success, switched.text
            sandbox.world.incoming(BETO, "hola")
            await until(lambda: sent() != [], "an answer to Beto")
        async with running(tmp_path, sandbox=False, **given) as product:  # the switch stays
            await product.printed("haby connected")
            sandbox.world.incoming(CARLA, "hola")
            await until(lambda: len(sent()) > 1, "an answer to Carla")
        assert sent() == [BETO, CARLA]


async def _recorded(product: Product, text: str) -> None:
    """Wait until this is the newest recorded message."""
    async with http_client(f"http://127.0.0.1:{product.environment['PORT']}") as http:
        for _ in range(100):
            if [one["mensaje"] for one in (await http.get("/api/conversaciones")).json()[:1]] == [text]:
                return
            await asyncio.sleep(0.05)
    raise AssertionError(f"{text!r} was not recorded in time")


async def answered(product: Product, phone: Page) -> None:
    await phone.get_by_role("button", name="Ana").click()
    await say(phone, "hola")
    bubbles = phone.get_by_role("log").locator(".bubble")
    await expect(bubbles).to_have_count(2, timeout=20_000)
    await expect(bubbles.nth(1)).to_contain_text("¿En qué podemos ayudarte?")
    await expect(bubbles.nth(1).get_by_label("read")).to_be_visible()
    async with http_client(f"http://127.0.0.1:{product.environment['PORT']}") as http:
        answer, question = (await http.get("/api/conversaciones")).json()
        assert (question["rol"], question["mensaje"], answer["rol"]) == ("user", "hola", "assistant")
        assert (await http.get("/health/ready")).status_code == 200
    await phone.get_by_text("Me", exact=True).click()  # the owner takes over on the phone
    await say(phone, "Hola Ana, soy Marta")
    await _recorded(product, "Hola Ana, soy Marta")
    await phone.get_by_text("Ana", exact=True).last.click()
    await say(phone, "gracias")
    await expect(bubbles).to_have_count(4)
    await _recorded(product, "gracias")
    async with http_client(f"http://127.0.0.1:{product.environment['PORT']}") as http:
        [chat] = (await http.get("/api/chats")).json()["chats"]
        lines = (await http.get(f"/api/chats/{chat['id']}")).json()["messages"]
    assert [(line["role"], line["origin"], line["verdict"]) for line in lines[2:]] == [
        ("assistant", "humano", "own"),
        ("user", "ia", "human"),
    ]
    await expect(bubbles).to_have_count(4)
