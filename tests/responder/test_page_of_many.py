"""The conversations page with more chats than it lists at once."""

from __future__ import annotations

import httpx
from playwright.async_api import Page, expect
from sqlalchemy import insert

from responder.store.schema import chats
from tests.client.conftest import ANA, BETO
from tests.responder.conftest import ResponderHarness
from tests.responder.test_page import page, shown

__all__ = ["page", "shown"]
MANY = 230
#: Of many people in one second; older than the two who are shown.
LONG_AGO = 1_700_000_000.25


async def fill(harness: ResponderHarness) -> None:
    """Chats of Persona 0 to Persona 229, in that order; the numbers grow the other way."""
    assert harness.responder is not None
    rows = [
        {
            "session": "haby",
            "chat": f"54911600{number:05}@c.us",
            "part": 0,
            "telefono": f"54911600{number:05}",
            "cliente_id": 51,
            "name": f"Persona {MANY - 1 - number}",
            "is_group": False,
            "last_at": LONG_AGO,
        }
        for number in range(MANY)
    ]
    async with harness.responder.database.write() as connection:
        await connection.execute(insert(chats), rows)


async def test_more_chats_are_shown_and_stay_in_order(shown: ResponderHarness, page: Page) -> None:
    await fill(shown)
    await page.reload()
    entries = page.get_by_role("navigation").get_by_role("listitem")
    more = page.get_by_role("button", name="Ver anteriores")
    await expect(entries).to_have_count(100)
    await more.press("Enter")
    await expect(entries).to_have_count(200)
    await expect(entries.nth(100).get_by_role("button")).to_be_focused()
    await more.press("Enter")
    await expect(more).to_be_hidden()
    names = ["Ana Suárez", "Beto Gómez", *(f"Persona {number}" for number in range(MANY))]
    await expect(entries.locator(".name")).to_have_text(names)
    shown.bridge.phone.incoming(BETO, "¿Y?", notify_name="Beto Gómez")
    await expect(entries.first).to_contain_text("Beto Gómez")
    shown.bridge.phone.incoming("5491160000003@c.us", "¡Hola!", notify_name="Persona 226")
    await expect(entries.first).to_contain_text("¡Hola!")
    await expect(entries).to_have_count(MANY + 2)
    await page.get_by_label("Buscar nombre, número o texto").fill("Persona")
    await expect(entries).to_have_count(100)
    await expect(more).to_be_visible()
    await page.get_by_label("Buscar nombre, número o texto").fill("Persona 22")
    await expect(entries).to_have_count(11)
    await expect(more).to_be_hidden()


async def test_chats_are_listed_in_pages(harness_on_each: ResponderHarness) -> None:
    responder = await harness_on_each.start()
    await fill(harness_on_each)
    listed, after = list[str](), ""
    async with httpx.AsyncClient(base_url=responder.url) as http:
        while after is not None:
            page = (await http.get("/api/chats", params={"limit": 50, "after": after})).json()
            listed += [chat["name"] for chat in page["chats"]]
            after = page["next"]
        assert listed == [f"Persona {number}" for number in range(MANY)]
        exact = (await http.get("/api/chats", params={"limit": 10, "search": "Persona 22"})).json()
    assert (len(exact["chats"]), exact["next"] is None) == (10, False)


async def test_a_change_of_the_first_page_reads_no_other(shown: ResponderHarness, page: Page) -> None:
    await fill(shown)
    await page.reload()
    entries = page.get_by_role("navigation").get_by_role("listitem")
    await page.get_by_role("button", name="Ver anteriores").click()
    await expect(entries).to_have_count(200)
    read = list[str]()
    page.on("request", lambda request: read.append(request.url) if "/api/chats?" in request.url else None)
    for number in range(5):
        shown.bridge.phone.incoming(ANA, f"Otra cosa {number}", notify_name="Ana Suárez")
        await expect(entries.first).to_contain_text(f"Otra cosa {number}")
    assert len([url for url in read if url.endswith("after=")]) >= 5
    assert len([url for url in read if not url.endswith("after=")]) <= 2  # of the ten seconds' own reading
    await expect(entries).to_have_count(200)
