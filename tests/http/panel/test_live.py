"""What changes is shown at once: one window holds the stream of hints, and passes them on to the others.

No page here has its timer, so that it shows only what it was hinted at.
"""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Page, Request, expect

from bridge.ports import Scope
from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.http.panel.test_panel import KEY, VISIBLE
from tests.http.test_access import key_for

WINDOWS = 8
#: Seconds, and the messages of which one has to come so early: a machine that runs other tests pauses a page.
AT_ONCE, TRIES = 0.5, 10
NO_TIMER = "window.setInterval = () => 0"
SHOWS = "(text) => document.getElementById('view').textContent.includes(text)"
# What a feed takes whose answers the test gives: two hints follow each other so closely that the first call lasts.
OUTBOX = """async (answers) => {
    const { MessageFeed } = await import('/panel/static/message_feed.js');
    const { account } = await import('/panel/static/api.js'); // of this module, not of the page
    account.me = { scopes: ['send'] };
    const taken = [], given = [], real = window.fetch;
    window.fetch = (path, options) => path.includes('/sends?')
        ? new Promise((resolve) => given.push((state) => resolve(Response.json({ sends: [state] }))))
        : real(path, options);
    const feed = new MessageFeed('haby', { sends: (sends) => taken.push(...sends) });
    const calls = [feed.readOutbox(), feed.readOutbox()];
    for (const [call, state] of answers) {
        given[call](state);
        await calls[call];
    }
    return taken;
}"""
JOURNAL = """async () => {
    const { MessageFeed } = await import('/panel/static/message_feed.js');
    const taken = [], given = [], real = window.fetch;
    window.fetch = (path, options) => path.includes('/messages?')
        ? new Promise((resolve) => given.push(resolve)) : real(path, options);
    const feed = new MessageFeed('haby', { message: (message) => taken.push(message) });
    const status = { epoch: 'e', last_seq: 1, last_event_seq: 0 };
    const page = (seq) => Response.json({ epoch: 'e', items: [seq], next: null, last_seq: seq });
    const following = feed.follow(status);
    await feed.follow({ ...status, last_seq: 2 });
    given[0](page(1));
    while (given.length < 2) await new Promise((resolve) => setTimeout(resolve));
    given[1](page(2));
    await following;
    return taken;
}"""


def _is_stream(request: Request) -> bool:
    return request.url.endswith("/panel/changes")


async def _followed(page: Page) -> None:
    """Load the page again without its timer, until it has the stream."""
    address = page.url
    await page.context.add_init_script(NO_TIMER)
    await page.goto("about:blank")  # ends the stream that the page may be opening
    async with page.expect_response(lambda response: _is_stream(response.request)) as opened:
        await page.goto(address)
    assert (await opened.value).status == 200


async def _shows(page: Page, text: str) -> None:
    await page.wait_for_function(SHOWS, arg=text)


async def test_a_message_a_tick_and_a_state_are_shown_at_once(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#messages")
    await _followed(page)
    clock, waited = asyncio.get_running_loop().time, list[float]()
    while len(waited) < TRIES and min(waited, default=AT_ONCE) >= AT_ONCE:
        text, began = f"mensaje {len(waited)}.", clock()
        started.phone.incoming(ANA, text, notify_name="Ana")
        await _shows(page, text)
        waited.append(clock() - began)
    assert min(waited) < AT_ONCE, waited

    await page.get_by_role("list", name="Chats").get_by_role("listitem").click()
    async with started.client() as client:
        (await client.post("/v1/sessions/haby/sends", json={"to": ANA, "message": "va"})).raise_for_status()
    mine = page.get_by_role("log").locator(".mine")
    await expect(mine).to_contain_text("sent")
    (sent,) = started.phone.sent
    started.phone.acknowledge(sent.key.id, 3)
    await expect(mine).to_contain_text("read")

    await page.goto(f"{started.url}/#sessions")
    card = page.get_by_role("article", name="haby")
    await expect(card).to_contain_text("Connected")
    started.phone.link(up=False)
    await expect(card).to_contain_text("Reconnecting")


async def test_one_of_many_windows_holds_the_stream_and_another_takes_it_over(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    first = await open_panel(started, at="#messages")
    await _followed(first)
    streams = list[str]()
    first.context.on("request", lambda request: streams.append(request.url) if _is_stream(request) else None)
    others = [await first.context.new_page() for _ in range(WINDOWS - 1)]
    for window in others:
        await window.goto(f"{started.url}/#messages")
        await expect(window.get_by_role("heading", name="Messages", level=1)).to_be_visible()
    started.phone.incoming(ANA, "para todas", notify_name="Ana")
    await asyncio.gather(*(_shows(window, "para todas") for window in (first, *others)))
    assert streams == []

    async with first.context.expect_event("request", _is_stream):
        await first.evaluate(VISIBLE, False)
    started.phone.incoming(ANA, "para las que se ven", notify_name="Ana")
    await asyncio.gather(*(_shows(window, "para las que se ven") for window in others))
    await first.evaluate(VISIBLE, True)
    started.phone.incoming(ANA, "para todas otra vez", notify_name="Ana")
    await asyncio.gather(*(_shows(window, "para todas otra vez") for window in (first, *others)))
    assert len(streams) == 1


async def test_an_answer_that_is_overtaken_brings_nothing_back(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started)
    await expect(page.get_by_role("article", name="haby")).to_be_visible()
    assert await page.evaluate(OUTBOX, [[1, "read"], [0, "sent"]]) == ["read"]
    assert await page.evaluate(OUTBOX, [[0, "sent"], [1, "read"]]) == ["sent", "read"]


async def test_a_status_that_comes_while_the_journal_is_read_is_followed(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    page = await open_panel(started)
    await expect(page.get_by_role("article", name="haby")).to_be_visible()
    assert await page.evaluate(JOURNAL) == [1, 2]


async def test_a_burst_makes_few_polls(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#messages")
    await _followed(page)
    polls, clock = list[float](), asyncio.get_running_loop().time
    page.on("request", lambda request: polls.append(clock()) if request.url.endswith("/v1/sessions") else None)
    for number in range(300):
        started.phone.incoming(ANA, f"mensaje {number}.", notify_name="Ana")
        await asyncio.sleep(0.005)
    await _shows(page, "mensaje 299.")
    assert len(polls) <= 3 + 3 * (polls[-1] - polls[0])


async def test_a_restart_of_the_bridge_begins_another_stream(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#messages", expected="Failed to load resource")
    await _followed(page)
    await started.stop()
    async with page.expect_response(lambda response: _is_stream(response.request) and response.ok):
        await started.start()
    started.phone.incoming(ANA, "después del reinicio", notify_name="Ana")
    await _shows(page, "después del reinicio")


async def test_a_caller_that_may_only_send_has_hints_until_the_log_out(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.given |= {"api_key": KEY}
    await side.start()
    key = await key_for(side, Scope.SEND)
    page = await open_panel(side, at="#outbox")
    await page.get_by_label("API key").fill(key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Outbox", level=1)).to_be_visible()
    await _followed(page)
    async with side.client(headers={"x-api-key": KEY}) as client:
        (await client.post("/v1/sessions/haby/sends", json={"to": ANA, "message": "avisá"})).raise_for_status()
    await expect(page.get_by_role("article")).to_contain_text("avisá")
    async with page.expect_event("requestfailed", _is_stream):
        await page.get_by_role("button", name=re.compile("Log out")).click()
