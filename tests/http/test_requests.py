"""Requests and content over `/v1`."""

from __future__ import annotations

import httpx

from bridge.contract.jid import Jid
from bridge.contract.session import SessionState
from bridge.drivers.scripted import SendMode
from bridge.ports import SeenPerson
from bridge.store.trace import trace
from tests.http.conftest import ANA, BETO, HttpBridge
from tests.loopback import http_client

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(1000)
REQUESTS, SENDS = "/v1/sessions/haby/requests", "/v1/sessions/haby/sends"


async def test_an_action_is_carried_out(started: HttpBridge, client: httpx.AsyncClient) -> None:
    started.phone.chats = {Jid.parse(ANA)}
    answer = await client.post(f"{REQUESTS}/typing", json={"id": "r1", "to": ANA, "seconds": 20})
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("id", "action", "status")} == {
        "id": "r1",
        "action": "typing",
        "status": "done",
    }
    assert started.phone.typing == {Jid.parse(ANA)}


async def test_what_cannot_be_done_is_a_problem(started: HttpBridge, client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{REQUESTS}/coins.toss", json={})).status_code == 404
    missing = await client.post(f"{REQUESTS}/typing", json={})
    assert (missing.status_code, missing.json()["detail"]) == (400, "Refused: to is missing.")
    other = await client.post(f"{REQUESTS}/typing", json={"action": "other", "to": ANA})
    assert "different actions" in other.json()["detail"]
    topic = await client.post(f"{REQUESTS}/typing", json={"reply_topic": "wa/haby/reply/till", "to": ANA})
    assert "reply_topic is for MQTT" in topic.json()["detail"]
    started.phone.link(up=False)
    await started.reach(SessionState.RECONNECTING)
    assert (await client.post(f"{REQUESTS}/limits.get")).json()["data"]["new_chats"] is None, "it needs no connection"
    down = await client.post(f"{REQUESTS}/typing", json={"to": ANA})
    assert (down.status_code, down.json()["code"]) == (503, "not_connected")
    assert down.json()["response"]["status"] == "failed"


async def test_a_change_is_done_once_and_answered_again(started: HttpBridge, client: httpx.AsyncClient) -> None:
    started.phone.answers["chats.read"] = {"seen": 1}
    asked = {"id": "r1", "chat": ANA}
    first = await client.post(f"{REQUESTS}/chats.read", json=asked)
    await started.stop()
    await started.start()
    again = await client.post(f"{REQUESTS}/chats.read", json=asked)
    assert (again.status_code, again.json()) == (200, first.json())
    other = await client.post(f"{REQUESTS}/chats.read", json={"id": "r1", "chat": BETO})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    started.phone.send_mode = SendMode.ANSWER_LOST
    lost = await client.post(f"{REQUESTS}/chats.read", json={"id": "r2", "chat": ANA})
    assert (lost.status_code, lost.json()["status"], lost.json()["error"]["code"]) == (200, "unknown", "in_doubt")
    assert lost.json()["data"] == {"seen": 1}, "what is certain is kept"
    assert [request.id for request in started.phone.changes] == ["r1", "r2"]
    store = started.settings.session_dir("haby") / "store.db"
    [life] = trace(store, store.with_name("none"), "r2")
    assert (life.subject, [step.what for step in life.moments]) == (
        "request r2",
        ["claimed", "response unknown", "response unknown not yet on MQTT"],
    )


async def test_a_long_request_goes_on_without_its_caller(started: HttpBridge, client: httpx.AsyncClient) -> None:
    started.phone.delay = 0.5
    asked = {"id": "c1", "contacts": [ANA, "5491155500009"]}
    started.phone.missing = {Jid.parse("5491155500009@c.us")}
    path = f"{REQUESTS}/contacts.check"
    first = await client.post(path, params={"wait": 0}, json=asked)
    assert (first.status_code, first.json()["status"], first.json()["data"]) == (202, "running", None)
    other = await client.post(path, json={"id": "c1", "contacts": [BETO]})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    last = await client.post(path, json=asked)
    assert [one["exists"] for one in last.json()["data"]["contacts"]] == [True, False]
    assert len(started.phone.looked_up) == 2, "it was joined, not repeated"


async def test_a_place_is_sent_and_listed(started: HttpBridge, client: httpx.AsyncClient) -> None:
    place = {"latitude": -34.6037, "longitude": -58.3816, "name": "Obelisco"}
    sent = await client.post(f"{SENDS}?wait=10", json={"to": ANA, "location": place})
    assert (sent.status_code, sent.json()["status"]) == (200, "sent")
    (listed,) = (await client.get(SENDS)).json()["sends"]
    assert (listed["message"], listed["content"]) == ("📍 Obelisco", {"location": place})
    both = await client.post(SENDS, json={"to": ANA, "location": place, "message": "Hola"})
    assert "a command carries one content, not location and message" in both.json()["detail"]


async def test_a_person_has_the_id_of_its_messages_and_a_picture_that_its_link_opens(
    started: HttpBridge, client: httpx.AsyncClient
) -> None:
    phone, ana = started.phone, Jid.parse(ANA)
    phone.incoming(ANA, "hola")
    await started.journalled(1)
    [message] = (await client.get("/v1/sessions/haby/messages")).json()["items"]
    phone.answers["contacts.get"] = {"contact": ANA, "person": SeenPerson(frozenset({ana}))}
    known = (await client.post(f"{REQUESTS}/contacts.get", json={"contact": "+54 9 11 5550-0001"})).json()
    assert known["data"] == {"contact": ANA, "person": message["person"], "from_pn": ANA, "from_lid": None}
    nothing = (await client.post(f"{REQUESTS}/contacts.picture", json={"contact": ANA})).json()["data"]
    assert (nothing["state"], nothing["url"]) == ("none", None)
    phone.pictures[ana] = PNG
    picture = (await client.post(f"{REQUESTS}/contacts.picture", json={"contact": ANA})).json()["data"]
    assert (picture["state"], picture["mimetype"], picture["size"]) == ("ready", "image/png", len(PNG))
    async with http_client() as stranger:
        file = await stranger.get(picture["url"])
    assert (file.status_code, file.content, file.headers["content-type"]) == (200, PNG, "image/png")


async def test_a_group_is_changed_and_a_closed_one_takes_no_command(
    started: HttpBridge, client: httpx.AsyncClient
) -> None:
    group = "120363000000000001@g.us"
    started.phone.chats, started.phone.closed_groups = {Jid.parse(group)}, {Jid.parse(group)}
    started.phone.answers["groups.update"] = {"group": group, "changed": ["subject"], "failed": []}
    changed = await client.post(f"{REQUESTS}/groups.update", json={"group": group, "subject": "Obra"})
    assert (changed.status_code, changed.json()["data"]["changed"]) == (200, ["subject"])
    many = await client.post(f"{REQUESTS}/groups.add", json={"group": group, "people": [ANA] * 257})
    assert (many.status_code, many.json()["code"]) == (400, "invalid")
    sent = await client.post(SENDS, json={"to": group, "message": "Hola"})
    assert (sent.status_code, sent.json()["code"]) == (403, "not_allowed")
