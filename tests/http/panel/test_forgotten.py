"""After `wa forget` beside a running bridge no reader gets the person's data, and every reader gets the other items."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import aclosing

import pytest
from playwright.async_api import expect

from bridge.client import connect
from bridge.contract.events import ERASED_EVENT
from bridge.contract.messages import ERASED, Stream
from tests.forked import forked, run_forked
from tests.http.conftest import ANA, BETO, HERE, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.mosquitto_server import MosquittoServer

#: What no reader may get: a name, a text in, a text out, one typed on the phone, and the number.
SECRETS = ["Marta", "el secreto", "para Marta", "desde el teléfono", ANA.removesuffix("@c.us")]


@pytest.fixture
def side(on_mqtt: HttpBridge) -> HttpBridge:
    return on_mqtt


class Wa:
    """The command with the bridge's settings, connected to the broker as `admin`."""

    def __init__(self, side: HttpBridge, url: str) -> None:
        self._folder = side.settings.data_dir
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WA_")},
            "WA_DATA_DIR": str(side.settings.data_dir),
            "WA_MQTT_URL": url,
            "COLUMNS": "200",
        }

    async def run(self, *arguments: str) -> tuple[int, str]:
        done = await run_forked(arguments, self._environment, self._folder, limit=HERE)
        return done.code, done.out

    async def listen(self, count: int) -> list[str]:
        command = ["wa", "listen", "--all", "--json"]
        async with forked(command, self._environment, self._folder) as (_, out), asyncio.timeout(HERE):
            return [(await out.readline()).decode() for _ in range(count)]


async def _follow(side: HttpBridge, stream: Stream, count: int) -> list[str]:
    """The first events of a stream, from the oldest."""
    found: list[str] = []
    async with (
        side.client() as client,
        client.stream("GET", f"/v1/sessions/haby/events?stream={stream}&start=oldest") as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                found.append(line.removeprefix("data: "))
                if len(found) == count:
                    break
    return found


async def _read(side: HttpBridge, url: str) -> dict[str, list[str]]:
    """Everything that a reader can get, by interface."""
    found: dict[str, list[str]] = {}
    async with side.client() as client:
        for stream in Stream:
            page = (await client.get(f"/v1/sessions/haby/messages?stream={stream}")).json()
            found[f"/v1 {stream}"] = [json.dumps(item, ensure_ascii=False) for item in page["items"]]
            found[f"feed {stream}"] = await _follow(side, stream, len(page["items"]))
        found["/v1 sends"] = [(await client.get("/v1/sessions/haby/sends")).text]
        found["/v1 send"] = [(await client.get("/v1/sessions/haby/sends/order-1")).text]
    async with asyncio.timeout(HERE), connect(url, name="reader") as reader:
        async with aclosing(reader.messages("haby", None)) as messages:
            found["replay in"] = [(await anext(messages)).model_dump_json() for _ in range(3)]
        async with aclosing(reader.events("haby", None)) as events:
            found["replay event"] = [(await anext(events)).model_dump_json() for _ in range(1)]
    return found


async def test_an_erased_person_is_in_no_interface(
    side: HttpBridge, mosquitto: MosquittoServer, open_panel: OpenPanel
) -> None:
    await side.start()
    wa = Wa(side, mosquitto.url("admin"))
    side.phone.incoming(ANA, "el secreto", notify_name="Marta")
    side.phone.incoming(BETO, "de Beto")
    side.phone.incoming(BETO, f"@{ANA.removesuffix('@c.us')} vino", mentions=(ANA,))
    side.phone.own(ANA, "desde el teléfono")
    await side.journalled(3)
    await side.journalled(1, Stream.EVENT)
    async with side.client() as client:
        order = {"id": "order-1", "to": ANA, "message": "para Marta"}
        assert (await client.post("/v1/sessions/haby/sends?wait=5", json=order)).json()["status"] == "sent"
    before = await _read(side, mosquitto.url("admin"))  # so it is in caches, too
    assert all(any(secret in "".join(before[way]) for secret in SECRETS) for way in before), before

    assert (await wa.run("forget", ANA, "--yes"))[0] == 0

    after = await _read(side, mosquitto.url("admin"))
    after["wa listen"] = await wa.listen(3)
    for wanted in ("1", "2", "order-1"):
        code, traced = await wa.run("trace", wanted)
        assert code == 0
        after[f"wa trace {wanted}"] = [traced]
    for way, texts in after.items():
        shown = "".join(texts)
        assert [secret for secret in SECRETS if secret in shown] == [], way
    for way in ("/v1 in", "feed in", "replay in", "wa listen"):
        first, second, third = map(json.loads, after[way])
        assert (first["seq"], first["type"], second["body"], third["body"]) == (1, ERASED, "de Beto", "@… vino"), way
    for way in ("/v1 event", "feed event", "replay event"):
        assert json.loads(after[way][0])["kind"] == ERASED_EVENT, way

    page = await open_panel(side, at="#messages")
    chats, texts = page.get_by_role("list", name="Chats").get_by_role("listitem"), list[str]()
    await expect(chats.first).to_be_visible()
    for chat in await chats.all():
        await chat.click()
        texts = [*texts, *await page.get_by_role("log").locator(".text").all_inner_texts()]
    assert sorted(texts) == ["@… vino", "de Beto"]
    shown = await page.locator("body").inner_text()
    assert [secret for secret in [*SECRETS, "undefined"] if secret in shown] == []
    await page.locator('nav a[href="#outbox"]').click()
    await expect(page.locator("article.send-item")).to_contain_text("Erased")
    shown = await page.locator("body").inner_text()
    assert [secret for secret in [*SECRETS, "undefined", "erased@"] if secret in shown] == []
