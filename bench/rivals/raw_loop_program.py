"""Child process: the least that carries messages between the page and MQTT. It keeps nothing and checks nothing.

    python -m bench.rivals.raw_loop_program WEB_URL PROFILE BROKER_URL DEBUGGING_PORT

Playwright, wa-js and paho: each new message is published on `in`, each command on `out` is sent at once, `sent` follows
on `result`. What arrives while it is down, or is on its way when it ends, is lost. Prints as `legacy_pair.js`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.async_api import Page, async_playwright

from bench.stage import SESSION, TOPICS, say
from bridge.contract.jid import Jid, Server
from bridge.drivers.web.executable import find_executable
from bridge.drivers.web.library import shipped

_LISTEN = """() => WPP.on("chat.new_message", (msg) => {
  if (!msg.id.fromMe) rawLoop(msg.id.toString(), msg.from.toString(), msg.body, msg.t);
})"""
_SEND = """async ([to, text]) => {
  const sent = await WPP.chat.sendTextMessage(to, text, { createChat: true });
  await sent.sendMsgResult;
}"""


async def main() -> None:
    web_url, profile, broker, debugging_port = sys.argv[1:]
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    say({"port": 0})
    client = _connected(broker)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=find_executable(None),
            args=["--no-sandbox", f"--remote-debugging-port={debugging_port}"],
            handle_sigterm=False,
        )
        page = browser.pages[0]
        await page.expose_binding("rawLoop", _publisher(client))
        await page.add_init_script(shipped().text)
        await page.goto(web_url)
        await page.wait_for_function("() => globalThis.WPP?.isReady && WPP.conn.isMainReady()")
        await page.evaluate(_LISTEN)
        sends: set[asyncio.Task[None]] = set()

        def start(command: dict[str, str]) -> None:
            task = asyncio.create_task(_send(page, client, command), name=f"send {command['id']}")
            sends.add(task)
            task.add_done_callback(sends.discard)

        def take(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
            loop.call_soon_threadsafe(start, json.loads(message.payload))

        client.on_message = take
        client.subscribe(TOPICS.out(SESSION), qos=1)
        say({"ready": True})
        await stop.wait()
        await browser.close()
    client.loop_stop()


def _connected(broker: str) -> mqtt.Client:
    address = urlsplit(broker)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="raw-loop")
    client.username_pw_set(address.username or "", address.password)
    client.max_inflight_messages_set(1000)
    client.connect(address.hostname or "", address.port or 0)
    client.loop_start()
    return client


def _publisher(client: mqtt.Client) -> Any:
    seq = 0

    def publish(_source: object, key: str, sender: str, body: str, timestamp: int) -> None:
        nonlocal seq
        seq += 1
        message = {"id": key, "seq": seq, "from": sender, "body": body, "timestamp": timestamp}
        client.publish(TOPICS.inbound(SESSION), json.dumps(message), qos=1)

    return publish


async def _send(page: Page, client: mqtt.Client, command: dict[str, str]) -> None:
    await page.evaluate(_SEND, [str(Jid(command["to"], Server.USER)), command["message"]])
    client.publish(TOPICS.result(SESSION), json.dumps({"id": command["id"], "status": "sent"}), qos=1)


if __name__ == "__main__":
    asyncio.run(main())
