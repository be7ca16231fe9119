"""`GET /v1/sessions/{session}/messages?q=`, and the request `messages.search` behind it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from bridge.ports import Scope
from tests.http.conftest import ANA, BETO, HttpBridge

MESSAGES = "/v1/sessions/haby/messages"


async def search(client: httpx.AsyncClient, q: str, **more: Any) -> Any:
    answer = await client.get(MESSAGES, params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def texts(page: Any) -> list[str]:
    return ["".join(piece["text"] for piece in hit["snippet"]) for hit in page["hits"]]


async def test_received_and_own_messages_are_found_in_pages(started: HttpBridge, client: httpx.AsyncClient) -> None:
    started.phone.incoming(ANA, "¿Cuánto sale la canción?")
    started.phone.incoming(BETO, "canciones hay muchas")
    await started.journalled(2)
    await client.post("/v1/sessions/haby/sends?wait=10", json={"to": ANA, "message": "La cancion sale $5"})
    await started.journalled(1, Stream.EVENT)
    first = await search(client, "CANCIÓN", limit=2)
    assert texts(first) == ["La cancion sale $5", "canciones hay muchas"]
    own, received = first["hits"]
    assert (own["from_me"], own["stream"], own["chat"]) == (True, "event", ANA)
    assert (received["from_me"], received["stream"], received["seq"]) == (False, "in", 2)
    assert [piece for piece in received["snippet"] if piece["found"]] == [{"text": "canciones", "found": True}]
    assert (received["timestamp"] > 0, len(received["person"]) > 0, first["complete"]) == (True, True, True)
    last = await search(client, "CANCIÓN", limit=2, after=first["next"])
    assert (texts(last), last["next"]) == (["¿Cuánto sale la canción?"], None)
    assert texts(await search(client, "cancion", chat="+54 9 11 5550-0001", direction="in")) == [
        "¿Cuánto sale la canción?"
    ]
    assert texts(await search(client, "cancion", since="2100-01-01T00:00:00Z")) == []
    whole = (await client.get(MESSAGES, params={"after": f"{await epoch(client)}:1", "limit": 1})).json()
    assert whole["items"][0]["id"] == received["id"]


async def test_a_search_needs_no_connection(started: HttpBridge, client: httpx.AsyncClient) -> None:
    started.phone.incoming(ANA, "hola")
    await started.journalled(1)
    started.phone.link(up=False)
    await started.reach(SessionState.RECONNECTING)
    assert texts(await search(client, "hola")) == ["hola"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"q": ""}, "no letter and no digit"),
        ({"q": "  "}, "no letter and no digit"),
        ({"q": '?!"*'}, "no letter and no digit"),
        ({"q": "🎉👍🏽"}, "no letter and no digit"),
        ({"q": "a" * 10_000}, "at most 200"),
        ({"q": "a\x00b"}, "NUL"),
        ({"q": "hola", "limit": 101}, "limit"),
        ({"q": "hola", "chat": "nadie"}, "nadie"),
        ({"q": "hola", "since": "ayer"}, "2026-01-31T12:00:00Z"),
        ({"q": "hola", "after": "abc:1"}, "after"),
        ({"chat": "5491155500001"}, "chat is for a search"),
    ],
)
async def test_bad_input_is_named(
    started: HttpBridge, client: httpx.AsyncClient, query: dict[str, Any], sentence: str
) -> None:
    answer = await client.get(MESSAGES, params=query)
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]


async def test_what_is_typed_is_data(started: HttpBridge, client: httpx.AsyncClient) -> None:
    for text in ('uno "dos" tres', "שלום עולם", "AND OR NOT", "100% (seguro) *hoy*"):
        started.phone.incoming(ANA, text)
    await started.journalled(4)
    for typed in ('"dos" tr', "עול", "not", "100% (seg", "*hoy*"):
        assert len((await search(client, typed))["hits"]) == 1, typed


async def test_a_key_searches_its_sessions_only(side: HttpBridge) -> None:
    side.given |= {"sessions": "haby=51,ventas=52", "api_key": "the-legacy-key"}
    await side.start()
    async with side.client(headers={"x-api-key": "the-legacy-key"}) as admin:
        made = await admin.post("/v1/keys", json={"name": "ventas", "scopes": [Scope.LISTEN], "sessions": ["ventas"]})
        sender = await admin.post("/v1/keys", json={"name": "sends", "scopes": [Scope.SEND], "sessions": ["haby"]})
    for key, path, status in (
        (made, MESSAGES, 403),
        (made, MESSAGES.replace("haby", "ventas"), 200),
        (sender, MESSAGES, 403),
    ):
        async with side.client(headers={"x-api-key": key.json()["key"]}) as client:
            assert (await client.get(path, params={"q": "hola"})).status_code == status


async def epoch(client: httpx.AsyncClient) -> str:
    return str((await client.get("/v1/sessions/haby")).json()["epoch"])
