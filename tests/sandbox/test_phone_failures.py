"""The phone's page when a part of it fails: a request, the feed, the drawing of a message."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, Route, WebSocketRoute, expect

from bridge.sandbox import Sandbox
from tests.http.panel.test_long_chat import TO_THE_TOP
from tests.sandbox.test_double import ANA

#: The next bubble that is added to the conversation is not, by an error that the page reports and this test expects.
BREAK = """(log) => {
    addEventListener('unhandledrejection', (event) => event.preventDefault(), { once: true });
    log.insertBefore = () => {
        delete log.insertBefore;
        throw new Error('not drawn');
    };
}"""


async def test_a_state_that_could_not_be_read_is_read_again(sandbox: Sandbox, phone: Page) -> None:
    await phone.route("**/api/state?*", lambda route: route.abort(), times=1)
    async with phone.expect_event("requestfailed"):
        await phone.reload()
    await phone.get_by_role("button", name="Ana").click()
    await expect(phone.get_by_role("alert")).to_be_hidden()
    sandbox.world.incoming(ANA, "llega")
    await expect(phone.get_by_role("log")).to_contain_text("llega")


async def test_a_feed_that_opens_again_while_the_state_is_read(sandbox: Sandbox, phone: Page) -> None:
    feeds: list[WebSocketRoute] = []
    asked, released = asyncio.Event(), asyncio.Event()

    def connect(feed: WebSocketRoute) -> None:
        feed.connect_to_server()
        feeds.append(feed)

    async def hold(route: Route) -> None:
        asked.set()
        answer = await route.fetch()
        await released.wait()
        await route.fulfill(response=answer)

    await phone.route_web_socket("**/phone/live", connect)
    await phone.route("**/api/state?*", hold, times=1)
    await phone.reload()
    await asked.wait()
    await feeds[0].close()
    await phone.get_by_role("button", name="Ana").click()
    sandbox.world.incoming(ANA, "llega")
    async with phone.expect_response("**/api/state?*"):
        released.set()  # what was read before the message comes after it
    sandbox.world.incoming(ANA, "y otro")
    await expect(phone.locator(".bubble .body")).to_have_text(["llega", "y otro"])


async def test_a_message_that_is_not_drawn_does_not_end_the_reading(sandbox: Sandbox, phone: Page) -> None:
    for number in range(250):
        sandbox.world.incoming(ANA, f"mensaje {number}")
    await phone.reload()
    await phone.get_by_role("button", name="Ana").click()
    log = phone.get_by_role("log")
    await expect(log.get_by_text("mensaje 249", exact=True)).to_be_in_viewport()
    await log.evaluate(BREAK)
    first = log.get_by_text("mensaje 0", exact=True)
    for _ in range(30):
        if await first.count():
            break
        await log.evaluate("(log) => { log.scrollTop = 50; }")
        await log.evaluate(TO_THE_TOP)
    assert await log.evaluate("(log) => !Object.hasOwn(log, 'insertBefore')")  # it was broken
    await expect(first).to_be_in_viewport()
