"""A bridge that takes a call and does not answer: the page says so after a time, and a press after that acts once."""

from __future__ import annotations

from playwright.async_api import Page, Route, expect

from tests.http.conftest import ANA, BETO, GROUP, HttpBridge
from tests.http.panel.pages import OpenPanel

#: The page's own limits of time, 40 s at least, end as much sooner.
IMPATIENT = "const real = AbortSignal.timeout; AbortSignal.timeout = (limit) => real.call(AbortSignal, limit / 8);"
ONCE = "No answer yet: it may have been done. You can press again: it is done once."
READ = "The bridge does not respond."
UNKNOWN = "No answer yet: it may have been done. Look before you do it again."


async def swallow(page: Page, where: str) -> None:
    """The next post there reaches the bridge, and its answer is lost, as by a proxy."""

    async def swallowed(route: Route) -> None:
        await route.fetch()

    await page.route(where, swallowed, times=1)


async def _impatient(open_panel: OpenPanel, side: HttpBridge, at: str) -> Page:
    page = await open_panel(side, at=at)
    await page.add_init_script(IMPATIENT)
    await page.reload()
    return page


async def test_a_text_without_an_answer_comes_back_and_is_sent_once(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.incoming(ANA, "¿A qué hora?", notify_name="Ana")
    started.phone.incoming(BETO, "¿Precio?", notify_name="Beto")
    page = await _impatient(open_panel, started, "#messages")
    chats, text = page.get_by_role("list", name="Chats"), page.get_by_label("Message", exact=True)
    send, said = page.get_by_role("button", name="Send", exact=True), page.locator("#toasts").get_by_text(ONCE)
    await chats.get_by_role("button", name="Ana").click()
    await text.fill("A las 8")
    await swallow(page, "**/sends")
    await send.click()
    await expect(said).to_be_visible()
    await expect(text).to_have_value("A las 8")
    await expect(send).to_be_enabled()
    await chats.get_by_role("button", name="Beto").click()
    await text.fill("A las 8")
    await send.click()
    await expect(page.get_by_role("log")).to_contain_text("A las 8")
    await page.reload()
    await chats.get_by_role("button", name="Ana").click()
    await expect(text).to_have_value("A las 8")
    async with page.expect_response("**/sends"):
        await send.click()
    await expect(text).to_have_value("")
    await expect(page.locator(".bubble.mine")).to_have_count(1)
    await text.fill("A las 8")
    await send.click()  # the same words, written again, are another message
    await expect(page.locator(".bubble.mine")).to_have_count(2)
    assert sorted(str(sent.key.remote) for sent in started.phone.sent) == [ANA, ANA, BETO]


async def test_a_form_and_a_group_without_an_answer_are_done_once(started: HttpBridge, open_panel: OpenPanel) -> None:
    made = {"group": GROUP, "subject": "Consorcio", "member": True, "admin": True, "size": 1, "members": []}
    started.phone.answers |= {
        "groups.list": {"groups": [], "next": None},
        "groups.get": made,
        "groups.create": {"group": GROUP, "people": []},
        "groups.requests": {"requests": []},
        "chats.get": {"chat": GROUP, "pinned": False, "archived": False, "muted_until": None},
    }
    started.phone.incoming(ANA, "¿Dónde están?", notify_name="Ana")
    page = await _impatient(open_panel, started, "#messages")
    form = page.get_by_role("dialog")
    await page.get_by_role("list", name="Chats").get_by_role("button", name="Ana").click()
    await page.get_by_role("button", name="Send something else").click()
    await page.get_by_role("button", name="Place").click()
    await form.get_by_role("textbox").first.fill("-34.6037, -58.3816")
    await swallow(page, "**/sends?wait=*")
    await page.keyboard.press("Enter")
    await expect(form.get_by_role("alert")).to_have_text(ONCE)
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_be_hidden()
    assert len(started.phone.sent) == 1
    await page.goto(f"{started.url}/#groups")
    await page.get_by_role("button", name="New group").click()
    await form.get_by_role("textbox", name="Name of the group").fill("Consorcio")
    await form.get_by_role("textbox", name="Numbers").fill(ANA)
    await swallow(page, "**/requests/groups.create")
    await form.get_by_role("button", name="Create").click()
    await expect(form.get_by_role("alert")).to_have_text(ONCE)
    await form.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", name="Consorcio")).to_be_focused()
    assert [one.action for one in started.phone.requests].count("groups.create") == 1


async def test_a_control_without_an_answer_says_so_and_can_be_pressed(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    page = await _impatient(open_panel, started, "")
    card, sure = page.get_by_role("article", name="haby"), page.get_by_role("dialog")
    await card.get_by_role("button", name="Restart").click()
    await swallow(page, "**/control")
    await sure.get_by_role("button", name="Restart").click()
    await expect(card.get_by_role("button", name="Restart")).to_be_disabled()
    await expect(page.locator("#toasts").get_by_text(UNKNOWN)).to_be_visible()
    await expect(card.get_by_role("button", name="Restart")).to_be_enabled()


async def test_what_only_reads_has_done_nothing_without_an_answer(started: HttpBridge, open_panel: OpenPanel) -> None:
    listed = {"contact": ANA, "name": "Ana", "from_pn": ANA}
    started.phone.answers["contacts.list"] = {"contacts": [listed], "next": None}
    started.phone.answers["contacts.check"] = {"contacts": []}
    page = await open_panel(started)
    await page.add_init_script(IMPATIENT)
    await swallow(page, "**/requests/contacts.list")
    await page.goto(f"{started.url}/#people")
    await page.reload()
    await expect(page.get_by_text(READ)).to_be_visible()
    await expect(page.get_by_text(UNKNOWN)).to_have_count(0)
