"""Names of 60 characters on the sandbox's phone, in the narrowest window."""

from __future__ import annotations

from playwright.async_api import expect

from bridge.sandbox import Sandbox
from bridge.sandbox.records import Contact
from tests.layout import NAMES, check_fits
from tests.pictures import picture
from tests.sandbox.conftest import OpenPhone

PEOPLE = {f"549115550003{number}@c.us": name for number, name in enumerate(NAMES)}


async def test_long_names_fit(sandbox: Sandbox, open_phone: OpenPhone) -> None:
    for one, name in PEOPLE.items():
        sandbox.world.directory.add_contact(Contact(pn=one, name=name))
        sandbox.world.incoming(one, "hola")
    group = sandbox.world.directory.add_group("120363000000000077@g.us", NAMES[0], list(PEOPLE))
    phone = await open_phone(viewport={"width": 320, "height": 640})
    chats = phone.locator("#chats button")
    await expect(chats.filter(has_text=NAMES[2]).first).to_be_visible()
    await picture(phone, "phone-names-list")
    await check_fits(phone, "list")
    for one in [*PEOPLE, group.id]:
        await phone.locator(f'[data-chat="{one}"]').click()
        await expect(phone.locator("#title")).to_be_visible()
        if one in PEOPLE:
            await phone.get_by_label("Contact and chat").click()
        await picture(phone, f"phone-names-{one.split('@')[0]}")
        await check_fits(phone, one)
        await phone.locator("#back").click()
