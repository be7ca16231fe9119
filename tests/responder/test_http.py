"""The HTTP surface for legacy callers and the page, on each database."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import httpx
import jwt
import pytest_asyncio

from bridge.contract.kinds.media import Media
from responder.app import Responder
from tests.client.conftest import ANA
from tests.loopback import http_client
from tests.responder.conftest import ResponderHarness

KEY, SECRET = "clave-larga-de-prueba", "un-secreto-de-prueba-bastante-largo-0123456789"


@pytest_asyncio.fixture(loop_scope="session")
async def running(harness_on_each: ResponderHarness) -> Responder:
    return await harness_on_each.start()


@pytest_asyncio.fixture(loop_scope="session")
async def http(running: Responder) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(running.url) as client:
        yield client


async def test_health_and_status(http: httpx.AsyncClient) -> None:
    health = (await http.get("/health")).json()
    assert (health["status"], health["service"], health["ready"]) == ("online", "whatsapp-bot-responder", True)
    assert abs(datetime.fromisoformat(health["timestamp"]).timestamp() - time.time()) < 5
    status = (await http.get("/api/status")).json()
    assert (status["bot"], status["status"]) == ("WhatsApp Bot Responder", "running")
    assert status["whatsapp"] == {"connected": True, "state": "CONNECTED", "listeners": 1}
    assert status["memory"]["rss"] > 10_000_000
    assert status["uptime"] > 0


async def test_conversations_newest_first(harness_on_each: ResponderHarness, http: httpx.AsyncClient) -> None:
    harness_on_each.bridge.phone.incoming(ANA, "Holaaa 👋🏽", notify_name="Ana")
    await harness_on_each.answers(1)
    answer, question = (await http.get("/api/conversaciones")).json()
    assert answer["rol"] == "assistant"
    assert abs(datetime.fromisoformat(question.pop("created_at")).timestamp() - time.time()) < 30
    assert question == {
        "telefono": "5491155500001",
        "rol": "user",
        "mensaje": "Holaaa 👋🏽",
        "cliente_id": 51,
        "nom": "Ana",
    }


async def test_a_message_without_text_is_recorded_as_its_kind(
    harness_on_each: ResponderHarness, http: httpx.AsyncClient
) -> None:
    harness_on_each.bridge.phone.incoming(ANA, "", type="location", variant="live_location")
    harness_on_each.bridge.phone.incoming(ANA, "", type="ptt")
    file = Media(mimetype="application/pdf", filename="lista de\nprecios.pdf")
    harness_on_each.bridge.phone.incoming(ANA, "", type="document", media=file)
    assert await harness_on_each.verdicts(3) == ["not_text"] * 3
    found = (await http.get("/api/conversaciones")).json()
    assert [one["mensaje"] for one in found] == ["[document] lista de precios.pdf", "[voice]", "[live_location]"]


async def test_the_switch_of_a_client(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/bot-config/status/51")).json() == {"bot_activo": 1, "updated_at": None}
    off = await http.post("/api/bot-config/toggle/51", json={"bot_activo": 0})
    assert off.json() == {"success": True, "bot_activo": 0, "mensaje": "Respuestas automáticas desactivadas"}
    status = (await http.get("/api/bot-config/status/51")).json()
    assert status["bot_activo"] == 0
    assert abs(datetime.fromisoformat(status["updated_at"]).timestamp() - time.time()) < 30
    on = await http.post("/api/bot-config/toggle/51", json={"bot_activo": 1})
    assert on.json()["mensaje"] == "Respuestas automáticas activadas"
    switches = (await http.get("/api/switches")).json()
    assert switches == {
        "active": True,
        "clients": [{"cliente_id": 51, "active": True}],
        "amiss": [],
        "rules": None,
        "faults": [],
    }


async def test_a_wrong_switch(http: httpx.AsyncClient) -> None:
    for body in ('{"bot_activo": 2}', '{"bot_activo": "1"}', "{}", "[]", "nonsense", '{"bot_activo": true}'):
        headers = {"content-type": "application/json"}
        answer = await http.post("/api/bot-config/toggle/51", content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (400, {"error": "bot_activo debe ser 0 o 1"}), body


async def test_a_path_that_does_not_exist(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/nada")
    assert (answer.status_code, answer.json()) == (404, {"ok": False, "error": "Ruta no encontrada"})


async def test_a_repeated_reply_is_sent_once(harness_on_each: ResponderHarness, http: httpx.AsyncClient) -> None:
    harness_on_each.bridge.phone.incoming(ANA, "¿Están?")
    await harness_on_each.verdicts(1)
    [chat] = (await http.get("/api/chats")).json()["chats"]
    body = {"text": "Sí, decime", "request": "solicitud-0001"}
    replies = await asyncio.gather(*(http.post(f"/api/chats/{chat['id']}/replies", json=body) for _ in range(3)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["turn"] for reply in replies}) == 1
    assert await harness_on_each.answers(1) == ["Sí, decime"]
    await harness_on_each.until_rows("SELECT origin, state, error FROM wa_turn", [("human", "sent", None)])
    rows = "SELECT rol, origen_mensaje, pauso_ia, mensaje FROM ll_ia_conversaciones WHERE rol = 'assistant'"
    assert await harness_on_each.rows(rows) == [("assistant", "humano", 1, "Sí, decime")]


async def test_a_wrong_reply(harness_on_each: ResponderHarness, http: httpx.AsyncClient) -> None:
    harness_on_each.bridge.phone.incoming(ANA, "¿Están?")
    await harness_on_each.verdicts(1)
    [chat] = (await http.get("/api/chats")).json()["chats"]
    request = "solicitud-0001"
    body: object
    for body in ({"text": "  ", "request": request}, {"text": "x"}, {"text": "\0", "request": request}, []):
        assert (await http.post(f"/api/chats/{chat['id']}/replies", json=body)).status_code == 400
    form = await http.post(
        f"/api/chats/{chat['id']}/replies",
        content=json.dumps({"text": "x", "request": request}),
        headers={"content-type": "text/plain"},  # what a form of another site can send without a preflight
    )
    assert (form.status_code, form.json()) == (400, {"error": "body: must be application/json"})
    answer = await http.post("/api/chats/999/replies", json={"text": "x", "request": request})
    assert answer.status_code == 404
    assert harness_on_each.bridge.phone.sent == []


async def test_an_invalid_request_is_an_error_of_the_caller(harness: ResponderHarness) -> None:
    responder = await harness.start()
    async with http_client(responder.url) as http:
        for path in (
            "/api/chats?limit=0",
            "/api/chats?show=nada",
            "/api/chats?after=x",
            "/api/chats/x",
            "/api/chats/0",
            "/api/chats/1?before=x",
            "/api/chats/²",
            f"/api/chats/{2**63}",
            "/api/bot-config/status/-1",
            f"/api/bot-config/status/{2**31}",
        ):
            answer = await http.get(path)
            assert (answer.status_code, list(answer.json())) == (400, ["error"]), path
        assert (await http.post("/api/chats")).status_code == 405


async def test_requests_from_elsewhere_are_refused_without_a_key(harness: ResponderHarness) -> None:
    responder = await harness.start()
    async with http_client(responder.url) as http:
        for headers in (
            {"host": "bot.example.com"},
            {"x-forwarded-for": "203.0.113.9"},
            {"origin": "https://example.com"},
        ):
            assert (await http.get("/api/conversaciones", headers=headers)).status_code == 403
        answer = await http.get("/")
        assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_with_a_key_or_a_secret_each_request_needs_one(harness: ResponderHarness) -> None:
    responder = await harness.start(api_key=KEY, jwt_secret=SECRET)
    claims = {"sub": "panel", "aud": "whatsapp-mqtt-bridge", "exp": time.time() + 60, "scope": "admin"}
    token = jwt.encode(claims, SECRET, "HS256")
    weak = jwt.encode({**claims, "scope": "read"}, SECRET, "HS256")
    narrow = jwt.encode({**claims, "sessions": ["haby"]}, SECRET, "HS256")
    old = jwt.encode({**claims, "exp": time.time() - 60}, SECRET, "HS256")
    async with http_client(responder.url) as http:
        for headers, status in (
            ({}, 401),
            ({"x-api-key": "otra"}, 401),
            ({"x-api-key": KEY}, 200),
            ({"authorization": f"Bearer {KEY}"}, 200),
            ({"authorization": f"Bearer {token}"}, 200),
            ({"authorization": f"Bearer {weak}"}, 403),
            ({"authorization": f"Bearer {narrow}"}, 403),
            ({"authorization": f"Bearer {old}"}, 401),
            ({"authorization": "Bearer x"}, 401),
        ):
            answer = await http.get("/api/conversaciones", headers=headers)
            assert answer.status_code == status, headers
            if status == 401:
                assert answer.json() == {"error": "Unauthorized"}
        assert (await http.get("/health")).status_code == 200


async def test_a_secret_of_the_services_opens_it_and_closes_it_to_others(harness: ResponderHarness) -> None:
    responder = await harness.start(secret=SECRET)
    async with http_client(responder.url) as http:
        for headers, status in (({}, 401), ({"x-api-key": KEY}, 401), ({"x-api-key": SECRET}, 200)):
            assert (await http.get("/api/conversaciones", headers=headers)).status_code == status, headers


async def test_a_message_in_the_second_of_the_start_is_taken(harness: ResponderHarness, tmp_path: Path) -> None:
    """The tables do not exist yet, and a legacy sender posts once."""
    (tmp_path / "fresh").mkdir()
    harness.database_settings = {"data_dir": tmp_path / "fresh"}
    responder = await harness.start(wait=False)
    async with http_client(responder.url) as http:
        assert (await http.get("/health")).json()["status"] == "starting"
        early = await http.get("/api/opted-out")
        assert (early.status_code, early.json()["code"]) == (503, "database_down")
        assert responder.faults.since(0) == [], "a database that is being prepared is no fault"
        message = {"from": ANA, "body": "x", "timestamp": int(time.time()), "type": "chat", "id": "false_x_1"}
        post = await http.post("/api/message-received", json=message)
        assert (post.status_code, post.json()) == (200, {"success": True, "received": True})
        assert (await http.get("/health")).json()["status"] == "online"


async def test_changes_are_streamed(harness: ResponderHarness) -> None:
    responder = await harness.start()
    async with http_client(responder.url) as http, http.stream("GET", "/api/live") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == ": open"
        harness.bridge.phone.incoming(ANA, "¿Están?")
        async with asyncio.timeout(10):
            assert [line async for line in _until_data(lines)] == ["data: [1]"]


async def _until_data(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        if line.startswith("data:"):
            yield line
            return
