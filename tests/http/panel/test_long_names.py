"""Names of 60 characters in the panel, on the narrowest phone."""

from __future__ import annotations

from playwright.async_api import Page, ViewportSize, expect

from bridge.http.credentials import grant_of, new_key
from bridge.ports import Proposal, ProposalState, Right, Scope
from tests.http.conftest import ANA, BETO, GROUP, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.http.receiver import Answer, Receiver
from tests.layout import NAMES, SPACED, check_fits
from tests.pictures import picture

NARROW: ViewportSize = {"width": 320, "height": 640}
EVA = "5491155500003@c.us"
PEOPLE = dict(zip((ANA, BETO, EVA), NAMES, strict=True))
MEMBERS = [
    {"address": one, "from_pn": one, "name": name, "admin": True, "owner": False, "me": False}
    for one, name in PEOPLE.items()
]
GROUPS = [
    {"group": f"{GROUP[:17]}{number}@g.us", "subject": name, "member": True, "admin": True, "size": 3}
    for number, name in enumerate(NAMES)
]
DETAILS = GROUPS[0] | {"members": MEMBERS, "description": NAMES[0]}
CONTACTS = [{"contact": one, "name": name, "from_pn": one, "business": True} for one, name in PEOPLE.items()]
ANSWERS = {
    "contacts.list": {"contacts": CONTACTS, "next": None},
    "contacts.get": CONTACTS[0] | {"pushname": NAMES[2], "verified_name": NAMES[1], "about": NAMES[0]},
    "groups.list": {"groups": GROUPS, "next": None},
    "groups.get": DETAILS,
    "groups.requests": {"requests": [{"address": one, "from_pn": one, "name": PEOPLE[one], "at": 1} for one in PEOPLE]},
    "chats.get": {"chat": GROUP, "pinned": False, "archived": False, "muted_until": None},
}


async def _fits(page: Page, where: str) -> None:
    await picture(page, f"panel-names-{where}")
    await check_fits(page, where)


async def test_long_names_fit_in_chats(started: HttpBridge, open_panel: OpenPanel) -> None:
    for one, name in PEOPLE.items():
        started.phone.incoming(one, name, notify_name=name)
    page = await open_panel(started, size=NARROW, at="#messages")
    chats = page.get_by_role("list", name="Chats").get_by_role("button")
    await expect(chats).to_have_count(3)
    await _fits(page, "chats")
    for name in NAMES:
        await chats.filter(has_text=name).first.click()
        await expect(page.locator(".bubble")).to_have_count(1)
        await _fits(page, f"chat-{NAMES.index(name)}")
        if name == NAMES[0]:
            await page.get_by_role("button", name="Actions").click()
            await page.get_by_role("dialog", name="Actions").get_by_role("button", name="Forward").click()
            await _fits(page, "forward")
            await page.keyboard.press("Escape")
            await page.get_by_role("button", name="Reply").click()
            await _fits(page, "reply")
        await page.get_by_role("button", name="Back to the chats").click()


async def test_long_names_fit_in_people_and_groups(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.answers |= ANSWERS
    page = await open_panel(started, size=NARROW, at="#people")
    await expect(page.get_by_role("list", name="People").get_by_role("button")).to_have_count(3)
    await _fits(page, "people")
    await page.get_by_role("button", name=NAMES[0]).click()
    await page.get_by_role("button", name="Block", exact=True).click()
    sure = page.get_by_role("dialog")
    await expect(sure).to_contain_text(NAMES[0])
    await _fits(page, "block")
    await page.keyboard.press("Escape")
    await _fits(page, "person")
    await page.goto(f"{started.url}/#groups")
    await expect(page.get_by_role("list", name="Groups").get_by_role("button")).to_have_count(3)
    await _fits(page, "groups")
    await page.get_by_role("button", name=NAMES[0]).click()
    await expect(page.get_by_role("button", name="Leave the group")).to_be_visible()
    await _fits(page, "group")
    await page.get_by_role("button", name="Leave the group").click()
    await _fits(page, "leave")


async def test_long_names_fit_in_the_outbox_and_the_card_of_a_session(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    for one, name in PEOPLE.items():
        started.phone.incoming(one, name, notify_name=name)
    async with started.client() as client:
        for one, name in PEOPLE.items():
            (await client.post("/v1/sessions/haby/sends?wait=5", json={"to": one, "message": name})).raise_for_status()
    page = await open_panel(started, size=NARROW, at="#outbox")
    await expect(page.locator(".send-item")).to_have_count(3)
    await _fits(page, "outbox")
    async with started.client() as client:
        (await client.post("/v1/sessions", json={"session": "s" * 60, "cliente_id": 7})).raise_for_status()
    await page.goto(f"{started.url}/#sessions")
    await expect(page.get_by_role("article")).to_have_count(2)
    await _fits(page, "sessions")
    await page.get_by_role("article", name="s" * 60).get_by_role("button", name="Stop").click()
    await _fits(page, "stop")


async def test_long_names_fit_in_the_sends_of_agents_and_in_access(started: HttpBridge, open_panel: OpenPanel) -> None:
    page, now = await open_panel(started, size=NARROW, at="#access", expected="401"), started.clock.now()
    await page.get_by_role("button", name="New key").click()
    form = page.get_by_role("dialog")
    await form.get_by_role("textbox", name="Name").fill(NAMES[0])
    await form.get_by_role("button", name="Create", exact=True).click()
    await expect(form).to_contain_text("wak_")
    await _fits(page, "key-made")
    await form.get_by_role("button", name="Close").click()
    async with started.store() as store:
        for place, name in enumerate((*NAMES[1:], SPACED)):
            key = new_key(name, [Scope.SEND], None, now, grant_of({ANA: [Right.REPLY]}, approval=True)).key
            await store.access.add_key(key)
            names = ("haby", key.id, str(place), f"agent-{place}")
            text = f"{name}\n{NAMES[0] * 3}\nhttps://tienda.example/{'a' * 90}"
            await store.proposals.propose(
                Proposal(*names, ANA, text, ProposalState.PROPOSED, at=now, expires_at=now + 600)
            )
    await page.reload()
    await expect(page.get_by_role("button", name=f"Revoke {SPACED}")).to_be_visible()
    await _fits(page, "access")
    for name in (NAMES[0], SPACED):
        await page.get_by_role("button", name=f"Revoke {name}").click()
        await expect(form).to_contain_text(name)
        await _fits(page, "revoke")
        await page.keyboard.press("Escape")
    await page.goto(f"{started.url}/#approvals")
    await expect(page.get_by_role("article")).to_have_count(3)
    await _fits(page, "approvals")
    # who approves a text sees the whole of it
    hidden = "all => all.map((one) => one.scrollHeight - one.clientHeight)"
    assert await page.locator("article .text").evaluate_all(hidden) == [0, 0, 0]


async def test_long_addresses_fit_in_webhooks(started: HttpBridge, receiver: Receiver, open_panel: OpenPanel) -> None:
    receiver.decide = lambda _: Answer(500)
    url = f"{receiver.url}/{'a' * 60}/{'b-' * 60}?token={'c' * 60}"
    async with started.client() as client:
        (await client.post("/v1/sessions/haby/listeners", json={"url": url})).raise_for_status()
    started.phone.incoming(ANA, NAMES[0], notify_name=NAMES[0])
    page = await open_panel(started, size=NARROW, at="#listeners")
    card, dialog = page.get_by_role("article"), page.get_by_role("dialog")
    await expect(card.locator(".advice")).to_contain_text("It answered 500.")
    await _fits(page, "webhooks")
    for press in ("Test", "Deliveries", "Change", "Remove"):
        await card.get_by_role("button", name=press).click()
        await expect(dialog).to_be_visible()
        await _fits(page, f"webhook-{press}")
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
