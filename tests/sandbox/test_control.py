"""The control API and its guard, over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIRouter
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from bridge.sandbox import AddressUnavailable, Sandbox
from bridge.sandbox.changes import LinkChanged
from tests.loopback import http_client
from tests.sample_files import JPEG

ANA, CARLA = "5491155500001@c.us", "5491155500003@c.us"
GROUP = "120363000000000001@g.us"


@pytest_asyncio.fixture(loop_scope="session")
async def api(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(sandbox.url) as client:
        yield client


async def state(api: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/api/state")).json()
    return found


@pytest.mark.parametrize("host", ["127.0.0.1:3000", "localhost", "[::1]:80"])
async def test_it_answers_under_loopback_host_names(api: httpx.AsyncClient, host: str) -> None:
    assert (await api.get("/api/state", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "sandbox.example"},
        {"Host": "127.0.0.1.example"},
        {"Host": "192.168.1.10"},
        {"Host": "127.8.9.1"},
        {"Host": "localhost@evil.example"},
        {"Host": ""},
        {"Forwarded": "for=10.0.0.1"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"X-Forwarded-Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
async def test_it_refuses_foreign_and_forwarded_requests(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    for path in ("/", "/phone", "/api/state", "/assets/phone/main.js"):
        answer = await api.get(path, headers=headers)
        assert answer.status_code == 403
        assert "sandbox" in answer.json()["error"]


@pytest.mark.parametrize("path", ["ws/chat", "phone/live"])
async def test_sockets_accept_only_its_own_pages(sandbox: Sandbox, path: str) -> None:
    url = sandbox.url.replace("http", "ws") + path
    async with connect(url, origin=sandbox.url.rstrip("/")):  # type: ignore[arg-type]
        pass
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, origin="http://evil.example")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_it_serves_on_every_loopback_address(host: str) -> None:
    async with Sandbox(host=host) as sandbox, http_client() as client:
        for url in (sandbox.url, sandbox.phone_url, f"{sandbox.api_url}/state"):
            assert (await client.get(url)).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
async def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(AddressUnavailable, match="loopback only"):
        await Sandbox(host=host).__aenter__()


async def test_a_port_in_use_is_reported_with_a_sentence(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1].strip("/"))
    with pytest.raises(AddressUnavailable, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        await Sandbox(port=port).__aenter__()


async def test_a_message_travels_from_incoming_to_state(api: httpx.AsyncClient) -> None:
    body = {"chat": "5491155500001", "body": "hola", "timestamp": 1_790_000_000}
    written = (await api.post("/api/incoming", json=body)).json()
    assert written["serialized"] == f"false_{ANA}_{written['id']}"
    quoting = {"chat": GROUP, "body": "¿eh?", "author": ANA, "quoted": written["id"], "type": "chat"}
    assert (await api.post("/api/incoming", json=quoting)).json()["quoted"]["body"] == "hola"
    own = (await api.post("/api/own", json={"chat": ANA, "body": "respuesta"})).json()
    await api.post("/api/acks", json={"id": own["id"], "ack": 4})
    [chat] = [c for c in (await state(api))["chats"] if c["id"] == ANA]
    first, second = chat["messages"]
    assert (first["body"], first["from_me"], first["t"]) == ("hola", False, 1_790_000_000)
    assert (second["body"], second["from_me"], second["ack"]) == ("respuesta", True, 4)
    assert chat["unread"] == 0


async def test_messages_are_read_in_parts_and_searched(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    for number in range(6):
        sandbox.world.incoming((ANA, CARLA)[number % 2], f"Número {number}")
    sandbox.world.incoming(ANA, "/9j/", kind="image", fields={"caption": "El NÚMERO del medidor"})

    async def read(**asked: Any) -> list[int]:
        answer = await api.get("/api/messages", params=asked)
        return [message["position"] for message in answer.json()]

    assert await read() == list(range(7))
    assert await read(chat=ANA, count=2) == [4, 6]
    assert await read(chat=ANA, before=4) == [0, 2]
    assert await read(chat=ANA, before=6, start=2) == [2, 4]
    assert await read(search="numero", count=3) == [4, 5, 6]
    assert await read(search="9j") == []  # a thumbnail is no text


async def test_the_owner_sends_other_kinds_and_files(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    place = {"chat": ANA, "body": "", "type": "location", "fields": {"lat": -34.6, "lng": -58.4}}
    assert (await api.post("/api/own", json=place)).json()["fields"] == place["fields"]
    quoted = sandbox.world.state.messages[0].id
    query: dict[str, str | bool] = {"chat": ANA, "own": True, "type": "image", "quoted": quoted}
    sent = (await api.post("/api/incoming/file", params=query, content=JPEG)).json()
    assert (sent["from_me"], sent["type"], sent["quoted"]["type"]) == (True, "image", "location")
    assert (await api.get(f"/api/files/{sent['id']}")).content == JPEG


async def test_people_groups_link_and_behaviour(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    person = {"name": "Zoe", "pn": "5491155500044", "lid": "188000000000044", "saved": False}
    assert (await api.post("/api/contacts", json=person)).json()["lid"] == "188000000000044@lid"
    group = {"id": "120363000000000044@g.us", "name": "Dos", "participants": ["5491155500044"]}
    assert (await api.post("/api/groups", json=group)).json()["participants"] == ["5491155500044@c.us"]
    await api.put("/api/link", json={"up": False})
    patch = {"send_mode": "hold", "receipts": {"device_ms": None}, "preview": 7}
    changed = (await api.patch("/api/settings", json=patch)).json()
    assert (changed["send_mode"], changed["preview"]) == ("hold", 7)
    assert changed["receipts"] == {"server_ms": 50, "device_ms": None, "read_ms": 1500}
    assert changed["ref_ttl_ms"] == 20_000
    assert sandbox.world.state.link_up is False


async def test_faults(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    await api.put("/api/trouble", json={"kind": "temporary_ban"})
    assert (await state(api))["trouble"] == "temporary_ban"
    assert sandbox.world.online is False
    await api.put("/api/trouble", json={"kind": None})
    assert sandbox.world.online
    hidden = (await api.post("/api/incoming", json={"chat": ANA, "type": "ciphertext"})).json()
    shown = (await api.post("/api/decrypt", json={"id": hidden["id"], "body": "por fin"})).json()
    assert (shown["body"], shown["type"], shown["id"]) == ("por fin", "chat", hidden["id"])
    gone = (await api.post("/api/incoming", json={"chat": ANA, "body": "no"})).json()
    revoked = (await api.post("/api/revoke", json={"id": gone["id"]})).json()
    assert (revoked["body"], revoked["type"]) == ("", "revoked")
    assert sandbox.world.message(gone["id"]) is None
    await api.post("/api/chats/move", json={"id": ANA, "to": "188000000000001@lid"})
    moved = next(c for c in (await state(api))["chats"] if c["id"] == "188000000000001@lid")
    assert moved["messages"][0]["serialized"] == f"false_188000000000001@lid_{hidden['id']}"
    assert sandbox.world.message(hidden["id"]) is not None
    for kind, expected in {"error": 500, "maintenance": 200, "blank": 200, "normal": 200}.items():
        await api.patch("/api/settings", json={"site": kind})
        page = await api.get("/")
        assert (page.status_code, "/assets/web/main.js" in page.text) == (expected, kind == "normal")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/incoming", "not json", 422),
        ("POST", "/api/incoming", [], 422),
        ("POST", "/api/incoming", {"chat": ANA, "boddy": "typo"}, 422),
        ("POST", "/api/incoming", {"chat": "@@", "body": "x"}, 422),
        ("POST", "/api/incoming", {"chat": GROUP, "body": "x"}, 422),
        ("POST", "/api/incoming", {"chat": "120363999999999999@g.us", "body": "x"}, 404),
        ("POST", "/api/incoming", {"chat": ANA, "body": "x", "quoted": "NONE"}, 404),
        ("POST", "/api/own", {"chat": ANA}, 422),
        ("POST", "/api/contacts", {"name": "no address"}, 422),
        ("POST", "/api/groups", {"id": ANA, "name": "x", "participants": [ANA]}, 422),
        ("POST", "/api/scan", {}, 404),
        ("POST", "/api/scan", {"ref": "2@old"}, 404),
        ("POST", "/api/devices/none/logout", {}, 404),
        ("POST", "/api/acks", {"id": "NONE", "ack": 2}, 404),
        ("POST", "/api/acks", {"id": "NONE", "ack": 9}, 422),
        ("PUT", "/api/link", {"up": "perhaps"}, 422),
        ("PUT", "/api/trouble", {"kind": "SOME"}, 422),
        ("POST", "/api/decrypt", {"id": "NONE", "body": "x"}, 404),
        ("POST", "/api/acks/stray", {"id": "NONE", "ack": 2}, 404),
        ("POST", "/api/acks/stray", {"id": "NONE", "ack": 6}, 422),
        ("POST", "/api/chats/move", {"id": "188000000000099@lid", "to": ANA}, 404),
        ("POST", "/api/chats/move", {"id": GROUP, "to": ANA}, 422),
        ("POST", "/api/link_code", {"code": "ABCD1234"}, 404),
        ("PATCH", "/api/settings", {"site": "upside down"}, 422),
        ("PATCH", "/api/settings", {"send_mode": "sometimes"}, 422),
        ("PATCH", "/api/settings", {"receipts": {"server_ms": -1}}, 422),
        ("PATCH", "/api/settings", {"ref_ttl": 1}, 422),
    ],
)
async def test_bad_requests_get_a_clear_error_and_change_nothing(
    api: httpx.AsyncClient, method: str, path: str, body: object, status: int
) -> None:
    before = await state(api)
    content = body if isinstance(body, str) else json.dumps(body)
    answer = await api.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()
    assert await state(api) | {"now": 0} == before | {"now": 0}


async def test_the_api_describes_itself(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/api/openapi.json")).json()["paths"]
    assert {"/api/state", "/api/sent", "/api/incoming", "/api/own", "/api/scan", "/api/link"} <= set(paths)


async def test_sandboxes_share_their_routes_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The routes took 80 ms of each start."""
    made: list[str] = []
    original = APIRoute.__init__

    def counted(self: APIRoute, path: str, *given: Any, **more: Any) -> None:
        made.append(path)
        original(self, path, *given, **more)

    def included(_: FastAPI, router: APIRouter) -> None:
        made.append(router.prefix)  # FastAPI makes its routes once more, at the first request

    monkeypatch.setattr(APIRoute, "__init__", counted)
    monkeypatch.setattr(FastAPI, "include_router", included)
    async with Sandbox() as one, Sandbox() as other, http_client() as client:
        await client.post(f"{one.api_url}/incoming", json={"chat": ANA, "body": "Hola"})
        chats = [(await client.get(f"{sandbox.api_url}/messages")).json() for sandbox in (one, other)]
    assert ([len(messages) for messages in chats], made) == ([1, 0], [])


async def test_it_closes_while_pages_are_open() -> None:
    async with asyncio.timeout(5):
        async with Sandbox() as sandbox:
            socket = await connect(sandbox.url.replace("http", "ws") + "phone/live")
        await socket.wait_closed()


@pytest.mark.parametrize("path", ["ws/chat", "phone/live"])
async def test_a_page_may_close_while_a_frame_is_pushed(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    for _ in range(20):
        async with connect(sandbox.url.replace("http", "ws") + path) as page:
            closing = asyncio.create_task(page.close(), name="close")
            while not closing.done():
                sandbox.world.notify(LinkChanged(up=True))
                await asyncio.sleep(0)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_refused(api: httpx.AsyncClient, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100_000

    answer = await api.post("/api/incoming", content=b"x" * 1_100_000 if announced else pieces())
    assert (answer.status_code, answer.json()) == (413, {"error": "The body has more than 1,000,000 bytes."})


async def test_a_frame_that_is_too_large_ends_only_its_connection(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    async with connect(sandbox.url.replace("http", "ws") + "ws/chat") as page:
        await page.send("x" * 1_100_000)
        with suppress(ConnectionClosedError):
            async for _ in page:
                pass
        assert page.close_code == 1009
    assert (await api.get("/api/state")).status_code == 200
