"""The passkey request on the panel: what a person sees, pastes and is answered."""

from __future__ import annotations

import json

from playwright.async_api import Page, expect

from bridge.contract.session import SessionState
from tests.http.conftest import HttpBridge
from tests.http.panel.pages import PHONE, OpenPanel
from tests.passkey_answers import SITE, answer
from tests.pictures import check_accessible, picture


async def asked(side: HttpBridge) -> None:
    side.phone.paired = False
    await side.start(until=SessionState.PAIRING)
    side.phone.ask_passkey(origin=SITE)


async def paste(page: Page, text: str) -> None:
    await page.get_by_label("What the console printed").fill(text)
    await page.get_by_role("button", name="Give it to WhatsApp").click()


async def test_an_answer_is_pasted_and_pairs(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.phone.compares = True
    await asked(side)
    page = await open_panel(side, expected="status of 4")
    card = page.get_by_role("article", name="haby")
    await expect(card).to_contain_text("taking your account")
    await expect(card).to_contain_text(f"open {SITE} in a tab")
    line = await card.locator(".line").text_content()
    assert line is not None
    assert line.startswith("navigator.credentials.get(")
    await expect(card.get_by_role("img")).to_be_hidden()  # there is no code to scan
    await picture(page, "panel-passkey")
    await check_accessible(page, "passkey")

    await card.get_by_role("button", name="Paste the answer").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("taking your account")
    await paste(page, "nothing")
    await expect(dialog.get_by_role("alert")).to_contain_text("not what the console printed")
    await paste(page, json.dumps(answer(origin="https://example.org")))
    await expect(dialog.get_by_role("alert")).to_contain_text(f"Run the line in a tab of {SITE}")
    await picture(page, "panel-passkey-refused")
    await paste(page, json.dumps({"error": "NotAllowedError: timed out"}))
    await expect(dialog.get_by_role("alert")).to_contain_text("NotAllowedError")
    await paste(page, f"'{json.dumps(answer())}'")  # with quotes, as consoles print text
    await expect(dialog).to_be_hidden()

    await expect(card).to_contain_text("ABCD-1234")
    await picture(page, "panel-passkey-code")
    await card.get_by_role("button", name="Yes, the same").click()
    await page.get_by_role("dialog").get_by_role("button", name="Yes, the same").click()
    await expect(card).to_contain_text("Connected")
    await expect(card).not_to_contain_text("passkey")


async def test_the_card_in_spanish_on_a_phone(side: HttpBridge, open_panel: OpenPanel) -> None:
    await asked(side)
    page = await open_panel(side, size=PHONE, scheme="dark", locale="es-AR")
    card = page.get_by_role("article", name="haby")
    await expect(card).to_contain_text("te está robando la cuenta")
    await picture(page, "panel-passkey-phone")
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    side.phone.drop_passkey()
    await expect(card).not_to_contain_text("clave de acceso")
    await expect(card.get_by_role("img")).to_be_visible()


async def test_a_reader_sees_the_state_but_not_the_request(side: HttpBridge) -> None:
    await asked(side)
    async with side.client() as client:
        assert (await client.get("/v1/sessions/haby/passkey")).json()["origin"] == SITE
        key = (await client.post("/v1/keys", json={"name": "reader", "scopes": ["listen"]})).json()["key"]
        headers = {"x-api-key": key}
        assert (await client.get("/v1/sessions/haby", headers=headers)).json()["reason"] == "passkey_required"
        assert (await client.get("/v1/sessions/haby/passkey", headers=headers)).status_code == 403
        command = {"action": "passkey", "response": answer()}
        refused = await client.post("/v1/sessions/haby/control", headers=headers, json=command)
        assert refused.status_code == 403
