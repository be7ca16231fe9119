"""A send is one bubble, although WhatsApp's page, the journal and the outbox each bring it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest
from playwright.async_api import Route, expect

from bridge.drivers.scripted import SendMode
from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel


async def _once(held: asyncio.Event, route: Route) -> None:
    await held.wait()
    await route.continue_()


HISTORY, OUTBOX = "**/requests/chats.history", "**/sends?limit=*"


@pytest.mark.parametrize(("last", "first"), [(HISTORY, OUTBOX), (OUTBOX, HISTORY)], ids=["outbox", "history"])
@pytest.mark.parametrize(("other", "bubbles"), [(False, 1), (True, 2)], ids=["the same", "another one"])
async def test_a_message_that_the_page_has_before_the_outbox_knows_it_is_shown_once(
    started: HttpBridge, open_panel: OpenPanel, last: str, first: str, other: bool, bubbles: int
) -> None:
    """Either of the two may be read first. What was written on the phone meanwhile is a message of its own."""
    asked = started.phone.incoming(ANA, "¿Hay lugar?", notify_name="Ana")
    started.phone.send_mode = SendMode.UNAVAILABLE
    async with started.client() as client:
        sent = await client.post("/v1/sessions/haby/sends", json={"to": ANA, "message": "Sí, hay."})
        assert sent.json()["status"] == "accepted"
    key = replace(asked.key, from_me=True, id=started.phone.new_id())
    content = asked.content.model_copy(update={"body": "Esperá." if other else "Sí, hay."})
    own = replace(asked, id=str(key), key=key, content=content)
    started.phone.answers["chats.history"] = {"chat": ANA, "messages": [asked, own], "complete": True}
    page = await open_panel(started, at="#sessions", expected="503")  # marking the chat as read
    held = asyncio.Event()
    await page.route(last, partial(_once, held))
    async with page.expect_response(first):
        await page.locator('nav a[href="#messages"]').click()
        await page.get_by_role("list", name="Chats").get_by_role("button", name="Ana").click()
    mine = page.locator(".bubble.mine")
    await expect(mine).to_have_count(1)
    async with page.expect_response(last):
        held.set()
    async with page.expect_response(OUTBOX):  # what came is drawn by then
        pass
    await expect(mine).to_have_count(bubbles)


#: The ticks of a send that the outbox has as read before the journal's event of its message comes.
EVENT_AFTER_THE_TICK = """async (chat) => {
    const { Conversations } = await import('/panel/static/conversations.js');
    const conversations = new Conversations('haby', () => null);
    const id = `true_${chat}_3EB00000000000000001`, claimed_at = '2026-01-01T00:00:00Z';
    const send = { id: 'a', chat, to: chat, number: 1, message: 'va', content: { message: 'va' }, claimed_at };
    conversations.sends([{ ...send, state: 'read', message_id: id }]);
    conversations.event({
        kind: 'sent_message', command: { id: 'a' },
        message: { id, chat, author: chat, type: 'text', body: 'va', timestamp: 1767225600 },
    });
    return conversations.of(chat).map(({ state }) => state);
}"""


async def test_the_event_of_a_message_takes_no_tick_back(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started)
    assert await page.evaluate(EVENT_AFTER_THE_TICK, ANA) == ["read"]
