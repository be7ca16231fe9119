"""Requests that the HTTP side refuses: too large, too many, too slow, or not JSON."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import httpx
import pytest

from bridge.asgi.limits import BodyLimits, ServerLimits, StreamLimits
from bridge.http.limits import HttpLimits
from bridge.ports import Scope
from tests.http.conftest import ANA, HttpBridge
from tests.http.test_access import key_for

SEND = {"to": "5491155500001", "message": "Hola"}
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}


@pytest.mark.parametrize("path", ["/health", "/api/whatsapp/status", "/v1/sessions", "/api/nothing", "/v1/nothing"])
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert SECURITY_HEADERS.items() <= dict(answer.headers).items()
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/api/whatsapp/send", "/v1/sessions/haby/sends"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_only_json_is_taken(client: httpx.AsyncClient, path: str, kind: str) -> None:
    answer = await client.post(path, content=json.dumps(SEND), headers={"content-type": kind})
    assert answer.status_code == 415


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
async def test_json_is_known_in_every_spelling(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post("/api/whatsapp/send", content=json.dumps(SEND), headers={"content-type": kind})
    assert answer.status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/api/whatsapp/send", "/v1/sessions/haby/sends"])
async def test_a_body_over_a_megabyte_is_refused(client: httpx.AsyncClient, path: str, chunked: bool) -> None:
    async def pieces() -> object:
        for _ in range(1_100):
            yield b" " * 1_000

    content = pieces() if chunked else b" " * 1_100_000
    headers = {"content-type": "application/json"}
    answer = await client.post(path, content=content, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("text", "status"),
    [("ñ👋🏽א" * 16_384, 200), ("a" * 65_536, 200), ("a" * 65_537, 413), ("\0", 400), (" \n", 400)],
    ids=["unicode", "longest", "too long", "NUL", "blank"],
)
@pytest.mark.parametrize("path", ["/api/whatsapp/send", "/v1/sessions/haby/sends?wait=5"])
async def test_texts(client: httpx.AsyncClient, path: str, text: str, status: int) -> None:
    answer = await client.post(path, json={"to": "5491155500001", "message": text})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'{"to": NaN}', b"[" * 100_000, b'{"to":"\\ud800","message":"a"}', b"null", b"1e999"],
    ids=["empty", "cut off", "no UTF-8", "NaN", "deep", "surrogate", "null", "huge"],
)
@pytest.mark.parametrize("path", ["/api/whatsapp/send", "/v1/sessions/haby/sends", "/v1/sessions/haby/listeners"])
async def test_an_invalid_request_is_refused_with_a_sentence(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    answer = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["detail" if path.startswith("/v1") else "details"]


async def test_requests_are_counted_for_each_key_and_address(side: HttpBridge) -> None:
    side.given |= {"http_rate": "1/second", "api_key": "the-legacy-key"}  # a minute's worth at once: 60
    await side.start()  # which asks /health now and then
    async with side.client(headers={"x-api-key": "the-legacy-key"}) as client:
        answers = [await client.get("/api/whatsapp/status") for _ in range(70)]
    passed = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(passed) + len(refused) == 70
    assert 40 < len(passed) <= 62
    assert passed[0].headers["ratelimit-limit"] == "60"
    left = [int(answer.headers["ratelimit-remaining"]) for answer in passed]
    assert left[-1] == 0 < left[0]
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["code"] == "rate_limited"


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", b"POST /api/whatsapp/send HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
    ids=["nothing", "half a line", "headers without end"],
)
async def test_a_slow_head_costs_its_connection(side: HttpBridge, sent: bytes) -> None:
    side.limits = replace(side.limits, http=HttpLimits(server=ServerLimits(head_timeout=0.5)))
    await side.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", side.port)

    async def drip() -> None:
        writer.write(sent)
        while True:  # a byte now and then, indefinitely: the slow loris attack
            await asyncio.sleep(0.1)
            writer.write(b"a")

    dripping = asyncio.create_task(drip(), name="drip")
    try:
        async with asyncio.timeout(5):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(10_000)
    finally:
        dripping.cancel()
        writer.close()


async def test_a_slow_body_is_answered_and_costs_its_connection(side: HttpBridge) -> None:
    side.limits = replace(side.limits, http=HttpLimits(body=BodyLimits(timeout=0.3)))
    await side.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", side.port)
    writer.write(
        b"POST /v1/sessions/haby/sends HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b'Content-Length: 100\r\n\r\n{"to": '
    )
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"request_timed_out" in answer


async def test_slow_callers_do_not_keep_others_waiting(started: HttpBridge, client: httpx.AsyncClient) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", started.port) for _ in range(200)]
    for _, writer in slow:
        writer.write(b"GET / HTTP/1.1\r\n")
    async with asyncio.timeout(5):
        assert (await client.get("/api/whatsapp/status")).status_code == 200
    for _, writer in slow:
        writer.transport.abort()


async def test_heads_that_never_end_leave_room_for_others(side: HttpBridge) -> None:
    side.limits = replace(side.limits, http=HttpLimits(server=ServerLimits(connections=60, reserve=20)))
    await side.start()
    slow = []
    for _ in range(80):
        reader, writer = await asyncio.open_connection("127.0.0.1", side.port)
        writer.write(b"GET / HTTP/1.1\r\n")
        slow.append(writer)
        del reader
    async with side.client() as client, asyncio.timeout(5):
        for _ in range(5):
            assert (await client.get("/health")).status_code == 200
    for writer in slow:
        writer.transport.abort()


async def test_a_reader_that_does_not_read_loses_its_connection(side: HttpBridge) -> None:
    side.limits = replace(side.limits, http=HttpLimits(server=ServerLimits(write_timeout=0.5)))
    await side.start()
    for number in range(400):
        side.phone.incoming(ANA, f"{number} " + "x" * 60_000)
    await side.journalled(400)
    path = "/v1/sessions/haby/events?start=oldest"
    reader, writer = await asyncio.open_connection("127.0.0.1", side.port, limit=1024)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await asyncio.sleep(3)  # it reads nothing
    read = 0
    async with asyncio.timeout(10):
        with suppress(ConnectionError):
            while chunk := await reader.read(65_536):
                read += len(chunk)
    writer.close()
    assert read < 24_000_000


async def test_one_key_leaves_event_streams_to_others(side: HttpBridge) -> None:
    side.given |= {"api_key": "the-legacy-key"}
    shares = StreamLimits(total=6, share=3, reserve=2)
    side.limits = replace(side.limits, http=HttpLimits(event_streams=shares))
    await side.start()
    keys = [await key_for(side, Scope.LISTEN) for _ in range(3)]
    async with AsyncExitStack() as stack:

        async def follow(key: str) -> int:
            client = await stack.enter_async_context(side.client(headers={"x-api-key": key}))
            stream = await stack.enter_async_context(client.stream("GET", "/v1/sessions/haby/events"))
            return stream.status_code

        assert [await follow(keys[0]) for _ in range(4)] == [200, 200, 200, 429]
        assert [await follow(keys[1]) for _ in range(2)] == [200, 429]  # the rest is for admins
        assert [await follow("the-legacy-key") for _ in range(3)] == [200, 200, 429]
    async with side.client(headers={"x-api-key": keys[2]}) as client, asyncio.timeout(5):
        while True:
            async with client.stream("GET", "/v1/sessions/haby/events") as stream:
                if stream.status_code == 200:
                    break


async def test_one_key_leaves_requests_to_others(side: HttpBridge) -> None:
    side.given |= {"api_key": "the-legacy-key"}
    side.limits = replace(side.limits, http=HttpLimits(requests_of_one=3))
    side.phone.acks = ()
    await side.start()
    key = await key_for(side, Scope.SEND)
    async with side.client(headers={"x-api-key": key}) as sender:
        path = "/v1/sessions/haby/sends?wait=2"
        waiting = [sender.post(path, json=SEND | {"to": f"54911555000{n}"}) for n in range(10, 16)]
        answers = await asyncio.gather(*waiting)
        assert sorted(answer.status_code for answer in answers)[-3:] == [429] * 3
        assert (await sender.get("/v1/sessions/haby/sends?limit=1")).status_code == 200


async def test_a_head_that_is_too_large_is_refused(started: HttpBridge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", started.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * 100_000)
    async with asyncio.timeout(5):
        try:
            answer = await reader.read()
        except ConnectionError:
            answer = b"HTTP/1.1 400"
    writer.close()
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
