"""Limits of the HTTP surface: rate, failed credentials, slow requests, large bodies, streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import jwt
import pytest

from bridge.asgi.limits import BodyLimits, ServerLimits, StreamLimits
from responder.http.limits import SurfaceLimits
from tests.loopback import http_client
from tests.responder.conftest import ResponderHarness

KEY = "clave-larga-de-prueba"
AUDIENCE = "whatsapp-mqtt-bridge"
SECRET = "un secreto de prueba de treinta y dos"


async def test_requests_beyond_the_rate_get_retry_after(harness: ResponderHarness) -> None:
    responder = await harness.start(api_key=KEY, http_rate="3/minute")
    async with http_client(responder.url, headers={"x-api-key": KEY}) as http:
        answers = [await http.get("/api/chats") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert 1 <= int(answers[3].headers["retry-after"]) <= 21
        assert answers[3].headers["x-content-type-options"] == "nosniff"


async def test_programs_of_this_machine_are_not_counted_where_no_key_is_set(harness: ResponderHarness) -> None:
    responder = await harness.start(http_rate="1/minute")
    async with http_client(responder.url) as http:
        assert {(await http.get("/api/chats")).status_code for _ in range(5)} == {200}
        assert [(await http.get("/health")).status_code for _ in range(2)] == [200, 429]


async def test_guesses_are_limited_and_lock_out_no_valid_key(harness: ResponderHarness) -> None:
    responder = await harness.start(api_key=KEY)
    async with http_client(responder.url) as http:
        right = {"x-api-key": KEY}
        assert (await http.get("/api/chats", headers=right)).status_code == 200
        guesses = [await http.get("/api/chats", headers={"x-api-key": f"clave-{n}"}) for n in range(22)]
        assert [guess.status_code for guess in guesses] == [401] * 20 + [429] * 2
        assert (await http.get("/api/chats", headers=right)).status_code == 200


@pytest.mark.parametrize("before", [b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"])
async def test_a_head_that_trickles_is_not_waited_for(harness: ResponderHarness, before: bytes) -> None:
    responder = await harness.start(http_limits=SurfaceLimits(server=ServerLimits(head_timeout=0.5)))
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(responder.url).port)
    try:
        if before:
            writer.write(before)
            await reader.readuntil(b"}")
        async with asyncio.timeout(10):
            writer.write(b"GET /health HTTP/1.1\r\nHost:")
            assert await reader.read() == b""
    finally:
        writer.close()


async def test_streams_beyond_the_limit_are_refused(harness: ResponderHarness) -> None:
    responder = await harness.start(http_limits=SurfaceLimits(streams=StreamLimits(total=1, reserve=0)))
    async with http_client(responder.url) as http, http.stream("GET", "/api/live") as first:
        assert await anext(first.aiter_lines()) == ": open"
        second = await http.get("/api/live")
        assert (second.status_code, second.headers["retry-after"]) == (429, "10")


async def test_one_token_and_one_address_leave_streams_to_others(harness: ResponderHarness) -> None:
    limits = SurfaceLimits(streams=StreamLimits(total=6, share=2, reserve=0))
    responder = await harness.start(
        api_key=KEY, jwt_secret=SECRET, http_proxies="127.0.0.1", http_rate="off", http_limits=limits
    )
    tokens = [
        jwt.encode({"sub": name, "scope": "admin", "exp": time.time() + 600, "aud": AUDIENCE}, SECRET, "HS256")
        for name in "abcd"
    ]
    async with http_client(responder.url) as http, AsyncExitStack() as stack:

        async def follow(token: str, address: str) -> int:
            headers = {"authorization": f"Bearer {token}", "x-forwarded-for": address}
            stream = await stack.enter_async_context(http.stream("GET", "/api/live", headers=headers))
            return stream.status_code

        of_one_token = [await follow(tokens[0], f"192.0.2.{n}") for n in (1, 2, 3)]
        of_one_address = [await follow(token, "192.0.2.9") for token in tokens[1:]]
        assert (of_one_token, of_one_address) == ([200, 200, 429], [200, 200, 429])
        assert await follow(tokens[3], "192.0.2.10") == 200


async def test_a_body_without_a_length_may_not_be_larger_either(harness: ResponderHarness) -> None:
    responder = await harness.start()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(2 * BodyLimits().size // 10_000):
            yield b" " * 10_000

    async with http_client(responder.url) as client:
        answer = await client.post("/api/message-received", content=endless())
        assert answer.status_code == 413
        assert (await client.post("/api/bot-config/toggle/51", json={"bot_activo": 0})).status_code == 200
