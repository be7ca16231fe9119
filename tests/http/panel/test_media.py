"""Files of received messages in the panel: through the page's own address, whatever links begin with."""

from __future__ import annotations

import base64
import hashlib

from playwright.async_api import expect

from bridge.contract.kinds.contacts import ReceivedContact
from bridge.contract.kinds.media import Media
from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.pictures import picture
from tests.sample_files import JPEG


async def test_a_received_picture_is_shown(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.given |= {"public_url": "https://wa.example"}
    await side.start()
    page = await open_panel(side, at="#messages")
    media = Media(mimetype="image/jpeg", size=len(JPEG), sha256=hashlib.sha256(JPEG).hexdigest())
    message = side.phone.incoming(ANA, "la fuga", type="image", media=media)
    side.phone.files[message.key.id] = JPEG
    await page.get_by_role("list", name="Chats").get_by_role("listitem").first.click()
    shown = page.get_by_role("log").get_by_role("img", name="la fuga")
    await expect(shown).to_be_visible()
    await expect(shown).to_have_js_property("naturalWidth", 32)


async def test_a_sent_picture_is_shown_also_after_a_reload(started: HttpBridge, open_panel: OpenPanel) -> None:
    async with started.client() as client:
        image = {"data": base64.b64encode(JPEG).decode(), "caption": "el arreglo"}
        answer = await client.post("/v1/sessions/haby/sends?wait=10", json={"to": ANA, "image": image})
        assert answer.json()["status"] == "sent", answer.text
    page = await open_panel(started, at="#messages")
    bubbles = page.get_by_role("log").locator(".bubble.mine")
    for _ in range(2):
        await page.get_by_role("list", name="Chats").get_by_role("listitem").first.click()
        await expect(bubbles).to_have_count(1)
        await expect(bubbles.get_by_role("img")).to_have_js_property("naturalWidth", 32)
        await expect(bubbles.locator("p.text")).to_have_text("el arreglo")
        await page.reload()
    await page.get_by_role("list", name="Chats").get_by_role("listitem").first.click()
    await expect(bubbles.get_by_role("img")).to_be_visible()
    await picture(page, "panel-sent-picture")


async def test_contact_cards_are_read_by_people(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#messages")
    vcard = "BEGIN:VCARD\nFN:Marta\nTEL;waid=5491155500007:+54 9 11 5550-0007\nEND:VCARD"
    started.phone.incoming(ANA, vcard, type="vcard", contacts=[ReceivedContact.model_validate(vcard)])
    await page.get_by_role("list", name="Chats").get_by_role("listitem").first.click()
    log = page.get_by_role("log")
    await expect(log.get_by_text("👤 Marta · +54 9 11 5550-0007")).to_be_visible()
    await expect(log.get_by_text("BEGIN:VCARD")).to_have_count(0)
