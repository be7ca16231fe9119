"""A conversation of 10,000 messages in the panel: a window of bubbles is drawn, which moves with the scrolling.

And what is kept when a part is drawn again, and the order of the messages.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.async_api import CDPSession, Locator, expect

from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel

MESSAGES = 10_000
#: Bubbles that are drawn at once.
DRAWN = 160
#: Steps of the scrolling that are measured, of 4,000 pixels each: faster than a person scrolls.
MEASURED = 40
#: CPU of the page's main thread in a step: in 95 of 100 steps at most, and of that layout on average, as multiples of
#: what `PLAIN` takes. Measured: 1.5 and 0.45; with flex and grid in place of blocks 1.3 and 4 times that.
BUSY, LAYOUT = 2.4, 0.9
#: A new message costs at most as much as this many steps (measured: 5); a page that draws all 10,000 takes a hundred
#: times a step. A loaded machine slows both.
MOST_STEPS = 20
#: One step, and the rendering that follows from it.
STEP = """(log) => new Promise((done) => {
    log.scrollTop -= 4000;
    requestAnimationFrame(() => requestAnimationFrame(done));
})"""
#: A thousand paragraphs of plain text, and their rendering.
PLAIN = """() => new Promise((done) => {
    const box = document.createElement('div');
    for (let number = 0; number < 1000; number += 1) {
        const paragraph = document.createElement('p');
        paragraph.textContent = `mensaje ${number}`;
        box.append(paragraph);
    }
    document.body.append(box);
    requestAnimationFrame(() => requestAnimationFrame(() => { box.remove(); done(); }));
})"""
#: Scrolls to the first message, one step a frame.
TO_THE_TOP = """async (log) => {
    let still = 0;
    while (still < 5) {
        const at = log.scrollTop;
        log.scrollTop -= 4000;
        await new Promise(requestAnimationFrame);
        still = at === 0 && log.scrollTop === 0 ? still + 1 : 0;
    }
}"""


async def spent(session: CDPSession) -> tuple[float, float]:
    """CPU milliseconds of the page's main thread so far: all tasks, and layout."""
    found = {one["name"]: one["value"] for one in (await session.send("Performance.getMetrics"))["metrics"]}
    return 1000 * found["TaskDuration"], 1000 * found["LayoutDuration"]


async def measured(log: Locator, count: int = MEASURED, step: str = STEP) -> tuple[list[float], float]:
    """Repeats a step; returns the CPU milliseconds of each one, and those of layout per step."""
    session = await log.page.context.new_cdp_session(log.page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    marks = [await spent(session)]
    for _ in range(count):
        await log.evaluate(step)
        marks.append(await spent(session))
    await session.detach()
    steps = [after - before for (before, _), (after, _) in pairwise(marks)]
    return sorted(steps), (marks[-1][1] - marks[0][1]) / count


async def cost_of_new(log: Locator, receive: Callable[[str], object], limit: float = 30_000) -> float:
    """CPU milliseconds of the page until a message that comes is shown; the median of five."""
    session = await log.page.context.new_cdp_session(log.page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    costs = []
    for number in range(5):
        (before, _), text = await spent(session), f"nuevo {number}"
        receive(text)
        await expect(log.get_by_text(text, exact=True)).to_be_in_viewport(timeout=limit)
        costs.append((await spent(session))[0] - before)
    await session.detach()
    return sorted(costs)[2]


@pytest.mark.timeout(180)
async def test_ten_thousand_messages_scroll_without_lag(started: HttpBridge, open_panel: OpenPanel) -> None:
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
    plain, plain_layout = await measured(log, step=PLAIN)
    unit = plain[MEASURED // 2]
    steps, layout = await measured(log)
    most = steps[MEASURED * 95 // 100]
    print(f"CPU of plain text: median {unit:.1f} ms, layout {plain_layout:.1f} ms")
    print(f"CPU of a step: median {steps[MEASURED // 2]:.1f} ms, 95 % {most:.1f} ms, layout {layout:.1f} ms")
    await log.evaluate(TO_THE_TOP)
    await expect(log.get_by_text("mensaje 0", exact=True)).to_be_in_viewport()
    await expect(bubbles).to_have_count(DRAWN)
    assert most <= BUSY * unit
    assert layout <= LAYOUT * plain_layout

    in_sight = log.get_by_text("mensaje 3", exact=True)
    place = await in_sight.bounding_box()
    started.phone.incoming(ANA, "de abajo")
    await expect(page.get_by_role("list", name="Chats")).to_contain_text("de abajo")
    assert await in_sight.bounding_box() == place  # a new message moves nothing while older ones are read
    await page.get_by_role("button", name="To the newest message").click()
    await expect(log.get_by_text("de abajo", exact=True)).to_be_in_viewport()
    await expect(page.get_by_role("button", name="To the newest message")).to_be_hidden()

    kept = await bubbles.first.element_handle()
    cost = await cost_of_new(log, lambda text: started.phone.incoming(ANA, text))
    print(f"CPU of a new message: {cost:.1f} ms")
    assert cost <= MOST_STEPS * steps[MEASURED // 2]
    assert not await kept.evaluate("(bubble) => bubble.isConnected")
    await page.get_by_label("Find a chat").fill("MENSAJE 5000")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").click()
    await expect(log.locator(".found")).to_contain_text("mensaje 5000")
    await expect(log.locator(".found")).to_be_in_viewport()
    await log.press("Home")
    await expect(log.get_by_text("mensaje 0", exact=True)).to_be_in_viewport()


async def test_an_element_that_is_kept_does_what_the_new_one_would(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started)
    script = """async () => {
        const { h, update } = await import('/panel/static/element.js');
        const box = h('div'), pressed = [];
        const show = (chat) => update(box,
            h('p', null, h('button', { onclick: () => pressed.push(chat) }, 'Pause')),
            h('ul', null, h('li', null, h('details', null, h('summary', null, 'Text'), chat))));
        show('ana');
        const kept = box.querySelector('button');
        box.querySelector('details').open = true;
        show('beto');
        kept.click();
        return [box.contains(kept), pressed, box.querySelector('details').open];
    }"""
    assert await page.evaluate(script) == [True, ["beto"], True]


async def test_messages_of_one_second_keep_their_order_whatever_source_is_last(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    page = await open_panel(started)
    script = """async () => {
        const { Conversations } = await import('/panel/static/conversations.js');
        const chat = '5491155500001@c.us', known = new Conversations('haby', () => null);
        const made = (body, more) => ({ id: body, chat, author: chat, type: 'chat', body, timestamp: 1, ...more });
        const ordered = () => known.of(chat).map(({ body }) => body).join('');
        const answers = [
            { chats: [{ chat, at: 1, last: made('c') }], next: null },
            { messages: ['a', 'b', 'c'].map((body) => made(body)), complete: true },
        ];
        window.fetch = async () => new Response(JSON.stringify({ data: answers.shift() }));
        ['b', 'c'].forEach((body, index) => known.message(made(body, { seq: index + 1 })));
        await known.loadChats();
        const listed = ordered();
        await known.loadOlder(chat);
        known.message(made('d', { seq: 3 }));
        return [listed, ordered()];
    }"""
    assert await page.evaluate(script) == ["bc", "abcd"]
