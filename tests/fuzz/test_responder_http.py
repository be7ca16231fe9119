"""Any body posted to the responder is processed, or refused as the caller's error; none ends in a 500."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.app import Responder
from responder.http.app import build_app
from responder.settings import load
from responder.transports import ResponderBroker
from tests.fuzz.values import ADDRESSES, ANY_TEXT, BUDGET, JSON, nearly, written

BODIES = nearly(
    {
        "text": ANY_TEXT,
        "request": st.just("solicitud-0001"),
        "seconds": st.floats(),
        "active": st.booleans(),
        "bot_activo": st.integers(0, 1),
    }
)
MESSAGE = {
    "from": "5491155500001@c.us",
    "body": "hola",
    "timestamp": 1_790_000_000,
    "type": "chat",
    "id": "x",
    "author": "5491155500001@c.us",
    "cliente_id": 51,
    "mentions": [],
    "notify_name": "Ana",
}
#: A new message with one thing wrong, or two: what is wrong all over is refused before anything is looked at.
EXTREMES = st.sampled_from([math.inf, math.nan, 2**63, 10**30, -(10**15), -1, 1e300, True, "9" * 400, [[]], {}, "\0"])
WRONG = st.dictionaries(st.sampled_from(sorted(MESSAGE)), EXTREMES | JSON | ADDRESSES, min_size=1, max_size=2)
MESSAGES = st.builds(lambda new, wrong: {**MESSAGE, "id": new, **wrong}, st.uuids().map(str), WRONG)
PATHS = st.sampled_from(
    [
        "/api/chats/1/replies",
        "/api/chats/1/pause",
        "/api/chats/1/opt-in",
        "/api/chats/9/opt-in",
        "/api/switches/active",
        "/api/bot-config/toggle/51",
        "/api/bot-config/toggle/99999999999",
        "/api/chats",
    ]
)
Post = Callable[[str, bytes], httpx.Response]


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """The responder's routes on their own database; unexpected errors are raised here."""
    settings = load(data_dir=tmp_path_factory.mktemp("responder"), cliente_id=51, port=0)
    responder = Responder.load(settings, ResponderBroker("mqtt://127.0.0.1:1"))
    with asyncio.Runner() as runner:
        runner.run(responder.database.__aenter__())
        runner.run(responder._migrate(asyncio.Event()))
        transport = httpx.ASGITransport(build_app(responder.surface()))
        http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

        def post(path: str, body: bytes) -> httpx.Response:
            return runner.run(http.post(path, content=body, headers={"content-type": "application/json"}))

        assert post("/api/message-received", json.dumps(MESSAGE).encode()).status_code == 200
        yield post
        runner.run(http.aclose())
        runner.run(responder.database.__aexit__(None, None, None))
        responder.close()


BYTES = st.one_of(st.binary(max_size=100), BODIES.map(written), JSON.map(written), st.just(b"[" * 9999))


@BUDGET
@given(body=MESSAGES.map(written) | BYTES)
def test_a_message(post: Post, body: bytes) -> None:
    answer = post("/api/message-received", body)
    assert answer.status_code in (200, 400), answer.text
    json.loads(answer.content)


@BUDGET
@given(path=PATHS, body=BYTES)
def test_a_request_of_the_page(post: Post, path: str, body: bytes) -> None:
    answer = post(path, body)
    assert answer.status_code in (200, 400, 404, 405), answer.text
    json.loads(answer.content)
