"""What is measured of each contender, by the same calls on the same page, sandbox and receivers.

"Page event" is the moment before the page's store takes the message, in the page's clock. A receiver is another
process: an MQTT subscriber, or an HTTP server that is registered as a listener.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from bench.inbound import CHAT
from bench.rivals.contenders import Running
from bench.rivals.receiver_program import HANGS
from bench.sends import sends
from bench.stage import Program, phone, program
from bridge.contract.jid import Jid, Server

LIVE = "/live"
PEOPLE = tuple(f"549115550{number:04}" for number in range(1, 11))
MARK = """() => {
  const { MsgCollection } = require("WAWebMsgCollection");
  if (globalThis.benchAdded) return;
  globalThis.benchAdded = [];
  const add = MsgCollection.add;
  MsgCollection.add = function (values) {
    const at = performance.timeOrigin + performance.now();
    for (const { id } of [values].flat()) benchAdded.push([id.id, at]);
    return add.call(this, values);
  };
}"""
_BURST = """([count, chat, run]) => {
  const { MsgCollection } = require("WAWebMsgCollection");
  const MsgKey = require("WAWebMsgKey");
  const from = require("WAWebWidFactory").createWid(chat);
  const to = require("WAWebUserPrefsMeUser").getMaybeMePnUser();
  const began = performance.timeOrigin + performance.now();
  for (let i = 0; i < count; i++) {
    const id = new MsgKey({ fromMe: false, remote: from, id: `3EB0RIVAL${run}${String(i).padStart(8, "0")}` });
    void MsgCollection.processMultipleMessages(from, [{
      id, from, to, body: `message ${i} of a burst, as long as people write them`, type: "chat",
      t: Math.floor(began / 1000), notifyName: "Ana", isNewMsg: true, ack: 1,
    }]);
  }
  return began;
}"""


@dataclass(frozen=True, slots=True)
class Paced:
    """Milliseconds from the page's event to the receiver, sorted, and the CPU of a message in milliseconds."""

    delays: list[float]
    cpu: float


@dataclass(frozen=True, slots=True)
class Burst:
    """Messages a second until the receiver has the last one, and how many came before an earlier one."""

    rate: float
    disordered: int


@dataclass(frozen=True, slots=True)
class Sent:
    """Sends a second until WhatsApp's server has them, and the CPU of a send in milliseconds."""

    rate: float
    cpu: float


async def acquaint(running: Running) -> None:
    """Each person writes once: whatsapp-web.js sends only into chats that exist."""
    async with phone(running.stage) as api:
        for person in PEOPLE:
            (await api.post("/incoming", json={"chat": person, "body": "hola"})).raise_for_status()
    await asyncio.sleep(1)  # until every program has taken them, so that no measurement contains them


@asynccontextmanager
async def receiver(running: Running, count: int, *, mqtt: bool, dead: bool = False) -> AsyncIterator[Program]:
    """A receiver of `count` messages; with `dead`, a listener that never answers was registered before it."""
    if mqtt:
        async with program("subscriber_program", running.stage.mosquitto.url("reader"), str(count)) as subscriber:
            await subscriber.line()  # subscribed
            yield subscriber
        return
    async with (
        program("rivals.receiver_program", str(count)) as listener,
        httpx.AsyncClient(base_url=running.http or "", trust_env=False) as client,
    ):
        port = (await listener.line())["port"]
        urls = [f"http://127.0.0.1:{port}{path}" for path in ((HANGS, LIVE) if dead else (LIVE,))]
        for url in urls:
            (await client.post("/api/whatsapp/register-listener", json={"callbackUrl": url})).raise_for_status()
        try:
            yield listener
        finally:
            for url in urls:
                (await client.post("/api/whatsapp/unregister-listener", json={"callbackUrl": url})).raise_for_status()


async def _arrived(received: Program, *, mqtt: bool) -> list[tuple[str, float]]:
    rows = await received.line()
    return [(raw_id, at) for raw_id, _, at in rows] if mqtt else [(raw_id, at) for _, raw_id, at in rows]


async def paced(running: Running, *, mqtt: bool, count: int, rate: float, dead: bool = False) -> Paced:
    """`count` messages at `rate` a second, which the sandbox's contact writes."""
    async with receiver(running, count, mqtt=mqtt, dead=dead) as received, phone(running.stage) as api:
        async with running.stage.page() as page:
            await page.evaluate(MARK)
        loop, used = asyncio.get_running_loop(), running.cpu()
        began = loop.time()
        async with asyncio.TaskGroup() as posts:
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
                body = {"chat": CHAT, "body": f"message {number}, as long as people write them"}
                posts.create_task(api.post("/incoming", json=body), name=f"post {number}")
        rows = await _arrived(received, mqtt=mqtt)
        used = running.cpu() - used
        async with running.stage.page() as page:
            added = dict(await page.evaluate("() => benchAdded.splice(0)"))
    return Paced(sorted(at * 1000 - added[raw_id] for raw_id, at in rows), used / count * 1000)


async def burst(running: Running, *, mqtt: bool, count: int, run: str) -> Burst:
    """`count` messages that the page's store takes at once. `run` makes their ids new."""
    async with receiver(running, count, mqtt=mqtt) as received:
        async with running.stage.page() as page:
            began = await page.evaluate(_BURST, [count, str(Jid(CHAT, Server.USER)), run])
        rows = await _arrived(received, mqtt=mqtt)
    return Burst(count / (rows[-1][1] - began / 1000), disordered([raw_id for raw_id, _ in rows]))


def disordered(ids: list[str]) -> int:
    """How many ids came after a greater one. Pure."""
    greatest, count = "", 0
    for one in ids:
        count += one < greatest
        greatest = max(greatest, one)
    return count


async def sent_by_mqtt(running: Running, *, count: int) -> float:
    """Sends a second: `count` texts in each of ten chats, as commands, until the last `sent`."""
    return (await sends(running.stage, chats=len(PEOPLE), count=count)).bridge


async def sent_by_http(running: Running, *, count: int) -> Sent:
    """`count` texts in each of ten chats, one caller for each chat, who waits for each answer."""
    async with httpx.AsyncClient(base_url=running.http or "", trust_env=False, timeout=60) as client:

        async def caller(person: str) -> None:
            for number in range(count):
                body = {"to": str(Jid(person, Server.USER)), "message": f"send {number}"}
                answer = await client.post("/api/whatsapp/send", json=body)
                if answer.status_code != 200 or answer.json().get("status", "sent") != "sent":
                    raise AssertionError(f"it did not send: {answer.text}")

        loop, used = asyncio.get_running_loop(), running.cpu()
        began = loop.time()
        async with asyncio.TaskGroup() as callers:
            for person in PEOPLE:
                callers.create_task(caller(person), name=f"caller {person}")
        took = loop.time() - began
    total = count * len(PEOPLE)
    return Sent(total / took, (running.cpu() - used) / total * 1000)
