"""Files of received messages in the panel: through the page's own address, whatever links begin with."""

from __future__ import annotations

import hashlib

from playwright.async_api import expect

from bridge.contract.kinds.media import Media
from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.conftest import OpenPanel
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
