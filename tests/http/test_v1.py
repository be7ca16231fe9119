"""`/v1`: sessions, sends, messages, events, listeners, problems."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bridge.contract.session import SessionState
from bridge.drivers.scripted.phone import SendMode
from tests.http.conftest import ANA, HttpBridge
from tests.http.receiver import Receiver

SENDS = "/v1/sessions/haby/sends"
SEND = {"to": "5491155500001", "message": "Hola"}


async def test_sessions_have_their_status(started: HttpBridge, client: httpx.AsyncClient) -> None:
    (session,) = (await client.get("/v1/sessions")).json()["sessions"]
    assert (session["session"], session["state"], session["last_seq"]) == ("haby", "connected", 0)
    one = (await client.get("/v1/sessions/haby")).json()
    assert one["epoch"] == session["epoch"]


async def test_the_pairing_code(side: HttpBridge) -> None:
    side.phone.paired = False
    await side.start(until=SessionState.PAIRING)
    async with side.client() as client:
        code = (await client.get("/v1/sessions/haby/qr")).json()
        image = await client.get("/v1/sessions/haby/qr.png")
        side.phone.pair()
        await side.reach(SessionState.CONNECTED)
        gone = await client.get("/v1/sessions/haby/qr")
    assert code["code"].startswith("2@scripted")
    assert image.headers["content-type"] == "image/png"
    assert gone.status_code == 404


async def test_a_session_is_closed_with_its_login_and_started_again(
    started: HttpBridge, client: httpx.AsyncClient
) -> None:
    closed = await client.post("/v1/sessions/haby/control", json={"action": "close"})
    assert (closed.json()["action"], closed.json()["status"]["state"]) == ("close", "stopped")
    assert started.phone.paired
    await client.post("/v1/sessions/haby/control", json={"action": "init"})
    await started.reach(SessionState.CONNECTED)
    entries = (await client.get("/v1/audit")).json()["audit"]
    assert [entry["action"] for entry in entries] == ["init", "close"]


async def test_a_send_is_accepted_and_can_be_read(started: HttpBridge, client: httpx.AsyncClient) -> None:
    accepted = await client.post(SENDS, json={**SEND, "id": "order-1", "meta": {"n": [1, "ñ"]}})
    assert (accepted.status_code, accepted.json()["status"]) == (202, "accepted")
    assert accepted.headers["location"] == f"{SENDS}/order-1"
    sent = await client.post(f"{SENDS}?wait=10", json={**SEND, "id": "order-1", "meta": {"n": [1, "ñ"]}})
    assert (sent.status_code, sent.json()["status"], sent.json()["meta"]) == (200, "sent", {"n": [1, "ñ"]})
    started.phone.acknowledge(started.phone.sent[0].key.id, 3)
    while (found := (await client.get(f"{SENDS}/order-1")).json())["state"] != "read":
        assert found["state"] in ("sent", "device")
    assert found["status"] == "sent"
    assert len(started.phone.sent) == 1


async def test_a_send_waits_for_the_connection(started: HttpBridge, client: httpx.AsyncClient) -> None:
    started.phone.link(up=False)
    await started.reach(SessionState.RECONNECTING)
    waiting = await client.post(f"{SENDS}?wait=0.1", json={**SEND, "id": "later"})
    assert waiting.status_code == 202
    started.phone.link(up=True)
    sent = await client.post(f"{SENDS}?wait=10", json={**SEND, "id": "later"})
    assert sent.json()["status"] == "sent"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({"to": "5491155500001"}, {}, 400, "invalid"),
        ({**SEND, "ttk": 5}, {}, 400, "invalid"),
        ({**SEND, "to": "Ana"}, {}, 400, "invalid"),
        ({**SEND, "ttl": "60"}, {}, 400, "invalid"),
        ({**SEND, "reply_topic": "wa/haby/reply/x"}, {}, 400, "invalid"),
        ({**SEND, "id": "a"}, {"Idempotency-Key": "b"}, 400, "invalid"),
        ({**SEND, "message": "x" * 65_537}, {}, 413, "too_large"),
        ({**SEND, "id": "order-1", "message": "another"}, {}, 409, "conflict"),
        ({"to": "5491155500009", "message": "Hola"}, {}, 422, "not_on_whatsapp"),
    ],
    ids=[
        "missing",
        "unknown field",
        "no number",
        "wrong type",
        "mqtt field",
        "two ids",
        "long",
        "conflict",
        "no recipient",
    ],
)
async def test_refusals_are_problems(
    started: HttpBridge,
    client: httpx.AsyncClient,
    body: dict[str, Any],
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    from bridge.contract.jid import Jid

    started.phone.missing.add(Jid.parse("5491155500009@c.us"))
    await client.post(f"{SENDS}?wait=10", json={**SEND, "id": "order-1"})
    answer = await client.post(f"{SENDS}?wait=10", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert len(started.phone.sent) == 1


async def test_an_undetermined_outcome_is_unknown(started: HttpBridge, client: httpx.AsyncClient) -> None:
    started.phone.send_mode, started.phone.look_up_complete = SendMode.CALL_LOST, False
    answer = await client.post(f"{SENDS}?wait=20", json=SEND)
    assert (answer.status_code, answer.json()["status"]) == (200, "unknown")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/sessions/ventas", 404),
        ("GET", "/v1/sessions/ventas/messages", 404),
        ("POST", "/v1/sessions/ventas/sends", 404),
        ("GET", "/v1/sessions/haby/sends/unknown", 404),
        ("GET", "/v1/sessions/haby/listeners/unknown", 404),
        ("DELETE", "/v1/sessions/haby/listeners/unknown", 404),
        ("DELETE", "/v1/sessions/haby/dead-letters/1", 404),
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/sessions", 405),
        ("GET", "/v1/sessions/haby/messages?limit=0", 400),
        ("GET", "/v1/sessions/haby/messages?stream=out", 400),
        ("GET", "/v1/sessions/haby/messages?after=5", 400),
        ("GET", "/v1/sessions/haby/events?after=x:-1", 400),
    ],
)
async def test_paths_that_lead_nowhere(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await client.request(method, path, json=SEND if method == "POST" else None)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_the_journal_is_read_in_pages_without_gaps(started: HttpBridge, client: httpx.AsyncClient) -> None:
    for number in range(7):
        started.phone.incoming(ANA, str(number))
    await started.journalled(7)
    pages, after = [], None
    while True:
        query: dict[str, Any] = {"limit": 3} | ({"after": after} if after else {})
        page = (await client.get("/v1/sessions/haby/messages", params=query)).json()
        pages.append([item["body"] for item in page["items"]])
        if (after := page["next"]) is None:
            break
    assert pages == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert (page["first_seq"], page["last_seq"], page["gap"]) == (1, 7, False)
    other_epoch = await client.get("/v1/sessions/haby/messages", params={"after": "another-epoch:5"})
    assert len(other_epoch.json()["items"]) == 7


async def events(response: httpx.Response) -> AsyncIterator[dict[str, str]]:
    event: dict[str, str] = {}
    async for line in response.aiter_lines():
        if not line and event:
            yield event
            event = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


async def test_events_go_on_behind_the_last_one_after_a_reconnect(
    started: HttpBridge, client: httpx.AsyncClient
) -> None:
    started.phone.incoming(ANA, "before")
    await started.journalled(1)
    path = "/v1/sessions/haby/events"
    async with client.stream("GET", path, params={"start": "oldest"}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        reading = events(response)
        first = await anext(reading)
        started.phone.incoming(ANA, "live\nwith a line")
        second = await anext(reading)
    assert [json.loads(one["data"])["body"] for one in (first, second)] == ["before", "live\nwith a line"]
    assert first["event"] == "message"
    started.phone.incoming(ANA, "between")
    await started.journalled(3)
    async with client.stream("GET", path, headers={"Last-Event-ID": second["id"]}) as response:
        third = await anext(events(response))
    assert json.loads(third["data"])["body"] == "between"
    assert third["id"].endswith(":3")


async def test_an_event_stream_ends_with_the_bridge(side: HttpBridge) -> None:
    await side.start()
    async with side.client() as client, client.stream("GET", "/v1/sessions/haby/events") as response:
        stopping = asyncio.create_task(side.stop(), name="stop")
        async with asyncio.timeout(5):
            assert [event async for event in events(response)] == []
        await stopping


async def test_a_registration_again_changes_what_is_given_and_keeps_the_rest(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    path = "/v1/sessions/haby/listeners"
    first = (await client.post(path, json={"url": receiver.url, "chats": ["5491155500001"], "secret": "s" * 16})).json()
    again = (await client.post(path, json={"url": receiver.url, "events": ["message", "own_message"]})).json()
    assert again["id"] == first["id"]
    assert (again["chats"], again["events"], again["signed"]) == ([ANA], ["message", "own_message"], True)
    started.phone.own(ANA, "mine")
    started.phone.incoming(ANA, "hers")
    await receiver.got(2)
    assert {post.headers["x-wa-stream"] for post in receiver.posts} == {"in", "event"}
    assert (await client.delete(f"{path}/{first['id']}")).status_code == 204
    assert (await client.get(path)).json()["listeners"] == []


@pytest.mark.parametrize("start", ["now", "oldest", "cursor"])
async def test_a_new_listener_begins_where_it_asks_to(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver, start: str
) -> None:
    for number in range(3):
        started.phone.incoming(ANA, str(number))
    await started.journalled(3)
    epoch = (await client.get("/v1/sessions/haby")).json()["epoch"]
    position: Any = {"epoch": epoch, "seq": 1} if start == "cursor" else start
    await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url, "start": position})
    started.phone.incoming(ANA, "3")
    expected = {"now": ["3"], "oldest": ["0", "1", "2", "3"], "cursor": ["1", "2", "3"]}[start]
    await receiver.got(len(expected))
    assert receiver.bodies == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "http://10.0.0.1/"},
        {"url": "http://localhost/", "events": []},
        {"url": "http://localhost/", "events": ["everything"]},
        {"url": "http://localhost/", "chats": ["Ana"]},
        {"url": "http://localhost/", "secret": "short"},
        {"url": "http://localhost/", "start": "yesterday"},
        {"url": "http://localhost/", "start": {"epoch": "x", "seq": -1}},
        {"url": "http://localhost/", "colour": "red"},
        {"url": "http://localhost/\u0000"},
    ],
    ids=str,
)
async def test_a_listener_that_cannot_be_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await client.post("/v1/sessions/haby/listeners", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
