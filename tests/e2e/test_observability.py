"""The whole stack through the panel, logs and Prometheus: the printed link, a message, metrics, alerts."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from bridge.http.listener import address_of, listen
from bridge.ops.private_broker import private_broker
from bridge.sandbox import Sandbox
from tests.chaos.scratch_disk import scratch_disk
from tests.e2e.conftest import TIMEOUT, Product, command, running, until
from tests.e2e.in_process import bridge_on, settings_for
from tests.http.receiver import Answer, Receiver
from tests.loopback import http_client
from tests.mosquitto_server import free_port
from tests.prometheus_server import Prometheus, scraping
from tests.responder.openai_server import OpenAiServer

ANA = "5491155500001@c.us"
#: More than the threshold of the lag alerts.
MANY = 120
GIGABYTE = 10**9


async def test_the_printed_link_opens_a_panel_that_receives_and_answers(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path, WA_HTTP_PORT="0", PORT="0") as up:
        link = next(word for word in (await up.printed("#link=")).split() if "#link=" in word)
        page = await browser.new_page(locale="en-GB")
        await page.goto(link)  # works before a phone is paired
        card = page.get_by_role("article", name="haby")
        await expect(card.locator(".badge")).to_have_text("Connected", timeout=30_000)
        await up.api("POST", "/incoming", {"chat": ANA, "body": "¿Abren hoy?"})
        await page.locator('nav a[href="#messages"]').click()
        await page.get_by_role("list", name="Chats").get_by_role("listitem").filter(has_text="¿Abren hoy?").click()
        await page.get_by_role("log").get_by_role("button", name="Reply").last.click()
        await page.keyboard.type("Sí, hasta las 20.")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("log").locator(".mine")).to_contain_text("read", timeout=15_000)
        await page.close()
        code, output, errors = await command(up, "wa", "listeners", "list")  # finds the port in use
        assert (code, errors) == (0, "")
        assert "No webhook is registered" in output


async def test_one_trace_id_follows_a_message_to_the_webhook_and_a_command_to_its_tick(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bridge")
    http = listen("127.0.0.1", 0)

    def lines(trace: str) -> list[str]:
        found = [record for record in caplog.records if getattr(record, "trace", None) == trace]
        return [f"{record.name}: {record.getMessage().rpartition(': ')[2]}" for record in found]

    async with (
        private_broker(tmp_path) as broker,
        Sandbox(auto_scan=True) as sandbox,
        Receiver() as receiver,
        bridge_on(broker.address, settings_for(tmp_path, sandbox.url), http) as bridge,
        http_client(address_of(http), timeout=30) as client,
        asyncio.timeout(TIMEOUT),
    ):
        while bridge.hosts[0].view.situation.state != "connected":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await _register(client, receiver)
        message = sandbox.world.incoming(ANA, "¿Abren hoy?")
        await client.post("/v1/sessions/haby/sends?wait=10", json={"id": "answer", "to": ANA, "message": "Sí"})
        while len(lines(message.id)) < 4 or len(lines("answer")) < 9:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    page, journal, *readers = lines(message.id)
    assert (page, journal) == (
        "bridge.drivers.web.page_loop: handed over by the page",
        "bridge.core.inbound: Mensaje recibido de …0001@c.us (seq 1)",
    )
    assert sorted(readers) == ["bridge.mqtt.relay: in 1 has its PUBACK", "bridge.webhooks.delivery: delivered"]
    assert lines("answer")[0] == "bridge.core.outbound: command answer is claimed"
    assert [line for line in lines("answer") if "sending answer as" in line]
    assert {f"bridge.mqtt.relay: result {status} has its PUBACK" for status in ("accepted", "sent")} < {
        *lines("answer")
    }


@pytest.mark.timeout(180)
async def test_a_real_prometheus_fills_the_dashboard_and_fires_during_each_fault(tmp_path: Path) -> None:
    # without root there is no separate disk, and the disk alert is not tested
    own_disk = scratch_disk(tmp_path / "data", 4 * GIGABYTE) if os.geteuid() == 0 else nullcontext()
    http, responder = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    async with OpenAiServer() as model, Receiver() as receiver:
        settings: dict[str, Any] = {
            "WA_HTTP_PORT": http.rpartition(":")[2],
            "PORT": responder.rpartition(":")[2],
            "RESPONDER_ACTIVO": "on",
            "OPENAI_API_KEY": "clave-de-prueba",
            "OPENAI_BASE_URL": model.url,
        }
        with own_disk:
            async with (
                running(tmp_path, **settings) as up,
                http_client(http, timeout=30) as client,
                scraping(tmp_path, {"wa-bridge": http, "wa-responder": responder}) as prometheus,
            ):
                await up.printed("haby connected")
                await _register(client, receiver)
                await up.api("POST", "/incoming", {"chat": ANA, "body": "¿Abren hoy?"})
                await receiver.got(1)
                await prometheus.draws_dashboard()
                await prometheus.only()
                assert (await client.post("/api/bot-config/toggle/51", json={"bot_activo": 0})).is_success
                await _link_down(up, prometheus)
                await _hung_broker_and_refusing_receiver(up, client, receiver, prometheus)
                await _unknown_outcome(up, client, prometheus)
                if os.geteuid() == 0:
                    with _disk_full(tmp_path / "data"):
                        await prometheus.until("WaDiskFull", fire=True)
                    await prometheus.until("WaDiskFull", fire=False)
                # its rule covers a quarter of an hour; the promtool tests check its end
                await prometheus.only("WaUnknownOutcome")


async def _link_down(up: Product, prometheus: Prometheus) -> None:
    await up.api("PUT", "/link", {"up": False})
    await prometheus.until("WaSessionDisconnected", fire=True)
    await up.api("PUT", "/link", {"up": True})
    await prometheus.until("WaSessionDisconnected", fire=False)


async def _hung_broker_and_refusing_receiver(
    up: Product, client: httpx.AsyncClient, receiver: Receiver, prometheus: Prometheus
) -> None:
    [broker] = [process for process in up.tree() if process.name() == "mosquitto"]
    receiver.decide = lambda _: Answer(503)
    broker.send_signal(signal.SIGSTOP)
    try:
        for number in range(MANY):
            await up.api("POST", "/incoming", {"chat": ANA, "body": f"{number}"})
        await prometheus.until("WaMqttLag", "WaListenerLag", fire=True)
        while "WaListenerFailing" not in await prometheus.firing():
            await _register(client, receiver)  # registering again retries at once, without the growing pause
            await asyncio.sleep(0.2)
    finally:
        broker.send_signal(signal.SIGCONT)
    receiver.decide = None
    await _register(client, receiver)
    await prometheus.until("WaMqttLag", "WaListenerLag", "WaListenerFailing", "WaBrokerLost", fire=False)
    await until(lambda: str(MANY - 1) in receiver.bodies, "the last one at the webhook")
    texts = dict.fromkeys(receiver.bodies)  # at least once, in order
    assert [text for text in texts if text.isdigit()] == [str(number) for number in range(MANY)]


async def _unknown_outcome(up: Product, client: httpx.AsyncClient, prometheus: Prometheus) -> None:
    """The page's own code breaks in the middle of a send, and WhatsApp's server withholds its ack."""
    assert "WaUnknownOutcome" not in await prometheus.firing()
    withheld = {"server_ms": None, "device_ms": None, "read_ms": None}
    await up.api("PATCH", "/settings", {"send_mode": "break", "receipts": withheld})
    send = {"id": "doubt", "to": ANA, "message": "¿salió?"}
    assert (await client.post("/v1/sessions/haby/sends", json=send)).status_code == 202
    await prometheus.until("WaUnknownOutcome", fire=True)


async def _register(client: httpx.AsyncClient, receiver: Receiver) -> None:
    answer = await client.post("/api/whatsapp/register-listener", json={"callbackUrl": receiver.url})
    assert answer.is_success, answer.text


@contextmanager
def _disk_full(disk: Path) -> Iterator[None]:
    """Fill the disk until less than a gigabyte is free."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - GIGABYTE // 2)
    try:
        yield
    finally:
        filler.unlink()
