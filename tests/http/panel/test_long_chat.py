"""A conversation of 10,000 messages in the panel: a window of bubbles is drawn, which moves with the scrolling."""

from __future__ import annotations

import time

from playwright.async_api import expect

from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.conftest import OpenPanel

MESSAGES = 10_000
#: Bubbles that are drawn at once.
DRAWN = 160
#: Scrolls from the end to the first message, one step a frame; returns the time of each frame in milliseconds.
TO_THE_TOP = """async (log) => {
    const frames = [];
    let before = await new Promise(requestAnimationFrame), still = 0;
    while (still < 5) {
        const at = log.scrollTop;
        log.scrollTop -= 4000;
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - before);
        before = now;
        still = at === 0 && log.scrollTop === 0 ? still + 1 : 0;
    }
    return frames;
}"""


async def test_ten_thousand_messages_scroll_without_lag(started: HttpBridge, open_panel: OpenPanel) -> None:
    """Measured on two cores at load 8: half of the frames take 17 ms at 2,000 pixels a frame, 95 % at most 100 ms; the
    limit is for 4,000. A new message is shown 0.2 s after it came, 0.08 s of it to draw a burst once."""
    for number in range(MESSAGES):
        started.phone.incoming(ANA, f"mensaje {number}")
    await started.journalled(MESSAGES)
    history = [*started.phone.history]
    started.phone.answers["chats.history"] = {"chat": ANA, "messages": history, "complete": True}
    page = await open_panel(started, at="#messages")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").first.click()
    log = page.get_by_role("log")
    bubbles = log.locator(".bubble")
    await expect(bubbles).to_have_count(DRAWN)
    frames = sorted(await log.evaluate(TO_THE_TOP))
    await expect(log.get_by_text("mensaje 0", exact=True)).to_be_in_viewport()
    await expect(bubbles).to_have_count(DRAWN)
    assert frames[len(frames) // 2] < 150  # milliseconds, on a machine that other tests keep busy

    in_sight = log.get_by_text("mensaje 3", exact=True)
    place = await in_sight.bounding_box()
    started.phone.incoming(ANA, "de abajo")
    await expect(page.get_by_role("list", name="Chats")).to_contain_text("de abajo")
    assert await in_sight.bounding_box() == place  # a new message moves nothing while older ones are read
    await page.get_by_role("button", name="To the newest message").click()
    await expect(log.get_by_text("de abajo", exact=True)).to_be_in_viewport()
    await expect(page.get_by_role("button", name="To the newest message")).to_be_hidden()

    kept = await bubbles.first.element_handle()
    shown = []
    for number in range(5):
        text = f"nuevo {number}"
        began = time.perf_counter()
        started.phone.incoming(ANA, text)
        await expect(log.get_by_text(text, exact=True)).to_be_in_viewport()
        shown.append(time.perf_counter() - began)
    assert sorted(shown)[2] < 1
    assert not await kept.evaluate("(bubble) => bubble.isConnected")
    await page.get_by_label("Find a chat").fill("MENSAJE 5000")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").click()
    await expect(log.locator(".found")).to_contain_text("mensaje 5000")
    await expect(log.locator(".found")).to_be_in_viewport()
    await log.press("Home")
    await expect(log.get_by_text("mensaje 0", exact=True)).to_be_in_viewport()
