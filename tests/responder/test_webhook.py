"""Webhook mode against the bridge's legacy endpoints, and against a sender that misbehaves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bridge.app import Bridge
from bridge.contract.signature import signature
from bridge.drivers.scripted import ScriptedDriver
from bridge.http.listener import address_of, listen
from responder.orders import PAUSED
from responder.timing import SenderTiming, Timing
from tests.client.conftest import ANA, BETO, QUICK, ScriptedBridge
from tests.loopback import http_client
from tests.responder.conftest import ResponderHarness
from tests.stream_server import stream_server

GREETING = "¡Hola! Gracias por escribirnos. ¿En qué podemos ayudarte?"


class FacadeBridge(ScriptedBridge):
    """A bridge with its HTTP surface."""

    url = ""

    async def start_with_facade(self) -> None:
        """Start and wait until it is connected; a restart keeps the address."""
        listener = listen("127.0.0.1", int(self.url.rpartition(":")[2] or 0))
        self.url = address_of(listener)
        self.bridge = Bridge(
            self.settings,
            self.settings.addresses,
            lambda _: ScriptedDriver(self.phone),
            self.clock,
            http=listener,
            limits=QUICK,
        )
        self._running = asyncio.create_task(self.bridge.run(), name="bridge with façade")
        async with asyncio.timeout(45), http_client(self.url) as http:
            while True:
                try:
                    if (await http.get("/api/whatsapp/status")).json().get("connected"):
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture(loop_scope="session")
async def facade(scripted_bridge: ScriptedBridge) -> AsyncIterator[FacadeBridge]:
    await scripted_bridge.stop()
    facade = FacadeBridge(scripted_bridge.settings)
    await facade.start_with_facade()
    yield facade
    await facade.stop()


async def listeners(facade: FacadeBridge) -> int:
    async with http_client(facade.url) as http:
        return int((await http.get("/api/whatsapp/status")).json()["listeners"])


async def test_a_message_by_webhook_is_answered_by_http(facade: FacadeBridge, harness: ResponderHarness) -> None:
    harness.bridge = facade
    responder = await harness.start(sender_url=facade.url)
    assert await listeners(facade) == 1
    facade.phone.incoming(ANA, "Hola 👋")
    assert await harness.answers(1) == [GREETING]
    await harness.until_rows("SELECT state FROM wa_turn", [("sent",)])
    async with http_client(responder.url) as http:
        status = (await http.get("/api/status")).json()
        assert status["whatsapp"] == {"connected": True, "state": "CONNECTED", "listeners": 1}
    await harness.stop()
    assert await listeners(facade) == 0


async def test_it_registers_again_with_a_sender_that_has_lost_the_registration(
    facade: FacadeBridge, harness: ResponderHarness
) -> None:
    harness.bridge = facade
    responder = await harness.start(sender_url=facade.url, timing=Timing(sender=SenderTiming(registration=0.2)))
    async with http_client(facade.url) as http:
        callback = f"{responder.url}/api/message-received"
        await http.post("/api/whatsapp/unregister-listener", json={"callbackUrl": callback})
    while await listeners(facade) == 0:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.05)
    facade.phone.incoming(ANA, "hola")
    await harness.answers(1)


async def test_the_same_webhook_twice_is_answered_once(facade: FacadeBridge, harness: ResponderHarness) -> None:
    harness.bridge = facade
    responder = await harness.start(sender_url=facade.url)
    message = {
        "from": ANA,
        "body": "hola",
        "timestamp": facade.phone.now(),
        "type": "chat",
        "id": f"false_{ANA}_3EB0A1",
    }
    async with http_client(responder.url) as http:
        answers = await asyncio.gather(*(http.post("/api/message-received", json=message) for _ in range(5)))
        assert {(one.status_code, one.text) for one in answers} == {(200, '{"success":true,"received":true}')}
        wrong: Any
        for wrong in ({}, {"from": 5, "body": "x", "type": "chat", "timestamp": 1}, [], {"from": ANA}):
            assert (await http.post("/api/message-received", json=wrong)).status_code == 400
    assert await harness.answers(1) == [GREETING]
    await harness.until_rows("SELECT state FROM wa_turn", [("sent",)])
    assert len(facade.phone.sent) == 1


KEY = "clave-larga-de-prueba"
FORGED = {"from": BETO, "body": "responder off", "type": "chat", "id": f"false_{BETO}_F1", "cliente_id": 51}


@pytest.mark.parametrize("webhook", [False, True])
async def test_with_a_key_a_message_needs_the_key_or_the_signature_of_the_sender(
    facade: FacadeBridge, harness: ResponderHarness, webhook: bool
) -> None:
    harness.bridge = facade
    responder = await harness.start(api_key=KEY, sender_url=facade.url if webhook else None, admins=BETO)
    body = json.dumps(FORGED | {"timestamp": int(time.time())}).encode()
    headers, guess = {"content-type": "application/json"}, signature("a guess of 16 characters", body)
    async with http_client(responder.url, headers=headers) as http:
        for forged in (
            {},
            {"x-hub-signature-256": guess},
            {"x-api-key": "guess"},
        ):
            answer = await http.post("/api/message-received", content=body, headers=forged)
            assert answer.status_code == 401, forged
        assert await harness.rows("SELECT count(*) FROM wa_message") == [(0,)]
        assert responder.faults.counts["unsigned"] == int(webhook)
        keyed = await http.post("/api/message-received", content=body, headers={"x-api-key": KEY})
        assert keyed.status_code == 200


@pytest.mark.parametrize("setting", ["api_key", "secret"])
async def test_the_bridge_signs_what_it_posts_to_a_responder_with_a_key(
    facade: FacadeBridge, harness: ResponderHarness, setting: str
) -> None:
    harness.bridge = facade
    options: dict[str, Any] = {setting: KEY}
    await harness.start(sender_url=facade.url, admins=BETO, **options)
    facade.phone.incoming(ANA, "Hola")
    assert await harness.answers(1) == [GREETING]
    facade.phone.incoming(BETO, "responder off")  # an order of an admin is one
    assert (await harness.answers(2))[1] == PAUSED


async def test_what_comes_before_the_first_registration_is_asked_for_again(
    harness: ResponderHarness, bad_sender: BadSender
) -> None:
    """The sender signs with what a registration gave it: an earlier one, perhaps, of a responder without a key."""
    await bad_sender.stop()
    responder = await harness.start(wait=False, sender_url=bad_sender.url, api_key=KEY)
    await harness.until(lambda: bool(responder.faults.latest))
    message = FORGED | {"timestamp": int(time.time())}
    async with http_client(responder.url) as http:
        assert (await http.post("/api/message-received", json=message)).status_code == 503


class BadSender:
    """Accepts registrations; sends are scripted: an HTTP status, or None (reads the request, closes the connection)."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.sends: list[dict[str, str]] = []
        self._server = AsyncExitStack()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        self._port = await self._server.enter_async_context(stream_server(self._serve, self._port))

    async def stop(self) -> None:
        await self._server.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
        body = json.loads(await reader.readexactly(length) or b"{}")
        step: Any = 200
        if "/api/whatsapp/send" in head:
            self.sends.append(body)
            step = self.script.pop(0) if self.script else 200
        if step is not None:
            answer = b'{"success": true}'
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (step, len(answer)))
            writer.write(answer)
            await writer.drain()


@pytest_asyncio.fixture(loop_scope="session")
async def bad_sender() -> AsyncIterator[BadSender]:
    sender = BadSender()
    await sender.start()
    yield sender
    await sender.stop()


@pytest.mark.parametrize(("step", "state"), [(200, "sent"), (500, "failed"), (400, "failed"), (None, "unknown")])
async def test_an_answer_that_may_have_been_sent_is_not_repeated(
    harness: ResponderHarness, bad_sender: BadSender, step: int | None, state: str
) -> None:
    await harness.bridge.stop()
    bad_sender.script = [step]
    responder = await harness.start(sender_url=bad_sender.url)
    await post(responder.url, ANA, "A1")
    await harness.until_rows("SELECT state FROM wa_turn", [(state,)])
    await harness.stop()
    responder = await harness.start(sender_url=bad_sender.url)
    await post(responder.url, BETO, "B1")
    await harness.until(lambda: len(bad_sender.sends) == 2)
    assert [send["to"] for send in bad_sender.sends] == [ANA, BETO]


async def test_a_sender_that_is_not_running_gets_the_answer_later(
    harness: ResponderHarness, bad_sender: BadSender
) -> None:
    await harness.bridge.stop()
    responder = await harness.start(sender_url=bad_sender.url, timing=Timing(sender=SenderTiming(resend=0.2)))
    await bad_sender.stop()
    await post(responder.url, ANA, "A1")
    await harness.until(lambda: responder.replies.deliveries == 1)
    await bad_sender.start()
    await harness.until_rows("SELECT state FROM wa_turn", [("sent",)])
    assert [send["to"] for send in bad_sender.sends] == [ANA]


async def test_an_answer_that_waits_for_the_sender_is_not_sent_after_an_opt_out(
    harness: ResponderHarness, bad_sender: BadSender
) -> None:
    await harness.bridge.stop()
    responder = await harness.start(sender_url=bad_sender.url, timing=Timing(sender=SenderTiming(resend=0.2)))
    await bad_sender.stop()
    await post(responder.url, ANA, "A1")
    await harness.until(lambda: responder.replies.deliveries == 1)
    await post(responder.url, ANA, "A2", "baja")
    await harness.until_rows("SELECT state, error FROM wa_turn", [("failed", "cancelled")])
    await bad_sender.start()
    await post(responder.url, BETO, "B1")
    await harness.until(lambda: bool(bad_sender.sends))
    assert [send["to"] for send in bad_sender.sends] == [BETO]


async def post(url: str, chat: str, raw_id: str, body: str = "hola") -> None:
    """Post a message in the form of a legacy sender."""
    message = {
        "from": chat,
        "body": body,
        "timestamp": int(time.time()),
        "type": "chat",
        "id": f"false_{chat}_{raw_id}",
        "cliente_id": 51,
    }
    async with http_client(url) as http:
        assert (await http.post("/api/message-received", json=message)).status_code == 200
