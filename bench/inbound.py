"""Inbound latency and rate, from an event in WhatsApp's page to a subscriber's callback: paced, and as a burst.

The path is the real one: page, wa-js, driver, journal, mosquitto, subscriber, each in its own process.
"""

from __future__ import annotations

import asyncio

from bench.stage import Stage, phone, program
from bridge.contract.jid import Jid, Server

CHAT = "5491155500001"
#: Runs in the page: records when wa-js announces each message (unix milliseconds, with fraction).
LISTEN = """() => {
  globalThis.benchEvents = [];
  WPP.on("chat.new_message", (msg) => benchEvents.push([msg.id.id, performance.timeOrigin + performance.now()]));
}"""
_BURST = """([count, chat, run]) => {
  const began = performance.timeOrigin + performance.now();
  for (let i = 0; i < count; i++) {
    const id = `3EB0BENCH${run}${String(i).padStart(8, "0")}`;
    const key = { fromMe: false, remote: chat, id, _serialized: `false_${chat}_${id}` };
    WPP.emit("chat.new_message", {
      id: key, from: chat, to: chat, body: `message ${i} of a burst, as long as people write them`,
      type: "chat", t: Math.floor(began / 1000), notifyName: "Ana",
    });
  }
  return began;
}"""


async def paced(stage: Stage, *, count: int, rate: float) -> list[float]:
    """Milliseconds from the page's event to the callback, for `count` messages at `rate` per second."""
    url = stage.mosquitto.url("reader")
    async with program("subscriber_program", url, str(count)) as subscriber, phone(stage) as api:
        await subscriber.line()  # subscribed
        async with stage.page() as page:
            await page.evaluate(LISTEN)
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as posts:
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
                body = {"chat": CHAT, "body": f"message {number}, as long as people write them"}
                posts.create_task(api.post("/incoming", json=body), name=f"post {number}")
        rows = await subscriber.line()
        async with stage.page() as page:
            announced = dict(await page.evaluate("() => benchEvents"))
    return [at * 1000 - announced[raw_id] for raw_id, _, at in rows]


async def burst(stage: Stage, *, count: int, run: int) -> float:
    """Messages per second, until the subscriber has the last of `count` messages that the page announces at once.

    Raises AssertionError if one is missing or out of order.
    """
    url = stage.mosquitto.url("reader")
    async with program("subscriber_program", url, str(count)) as subscriber:
        await subscriber.line()  # subscribed
        async with stage.page() as page:
            began = await page.evaluate(_BURST, [count, str(Jid(CHAT, Server.USER)), run])
        rows = await subscriber.line()
    ids = [raw_id for raw_id, _, _ in rows]
    seqs = [seq for _, seq, _ in rows]
    if ids != sorted(ids) or seqs != list(range(seqs[0], seqs[0] + count)):
        raise AssertionError("the burst lost its order")
    return float(count / (rows[-1][2] - began / 1000))
