"""Texts of conversations: WhatsApp's marks and links are shown, and nothing that a stranger writes becomes markup."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel

MARKS = {
    "*negrita* y _cursiva_, ~no~": "<strong>negrita</strong> y <em>cursiva</em>, <s>no</s>",
    "*_las dos_*": "<strong><em>las dos</em></strong>",
    "`wa up` y ```*código*```": "<code>wa up</code> y <code>*código*</code>",
    "2*3*4, a_b_c, * suelto *": "2*3*4, a_b_c, * suelto *",
    "*una\nlínea*": "*una\nlínea*",
    "<b>x</b> & <script>": "&lt;b&gt;x&lt;/b&gt; &amp; &lt;script&gt;",
    "javascript:alert(1)": "javascript:alert(1)",
}


async def test_marks_are_shown_as_whatsapp_shows_them(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started)
    script = """async (texts) => {
        const { formatted } = await import('/panel/static/formatted_text.js');
        return texts.map((text) => {
            const shown = document.createElement('p');
            shown.append(...formatted(text));
            return shown.innerHTML;
        });
    }"""
    assert dict(zip(MARKS, await page.evaluate(script, list(MARKS)), strict=True)) == MARKS


async def test_a_link_is_one_without_what_follows_it(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#messages")
    started.phone.incoming(ANA, "mirá (https://tienda.example/a_b_c?x=1). Y *gracias*")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").first.click()
    text = page.get_by_role("log").locator("p.text")
    await expect(text).to_have_text("mirá (https://tienda.example/a_b_c?x=1). Y gracias")
    link = text.get_by_role("link")
    await expect(link).to_have_attribute("href", "https://tienda.example/a_b_c?x=1")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await expect(text.locator("strong")).to_have_text("gracias")


@pytest.mark.parametrize("text", [" *a" * 20_000, "`" * 65_000, "*_~" * 20_000, "```a" * 16_000])
async def test_no_text_holds_the_page_up(started: HttpBridge, open_panel: OpenPanel, text: str) -> None:
    page = await open_panel(started)
    script = """async (text) => {
        const { formatted } = await import('/panel/static/formatted_text.js');
        const began = performance.now();
        formatted(text);
        return performance.now() - began;
    }"""
    assert await page.evaluate(script, text) < 2_000
