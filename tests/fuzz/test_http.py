"""Any body posted to a bridge or to the sandbox is answered as JSON, and never with an internal error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.errors import ERRORS, InternalError
from bridge.sandbox import Sandbox
from tests.fuzz.values import ADDRESSES, ANY_TEXT, BUDGET, JSON, nearly, written
from tests.http.conftest import HttpBridge
from tests.loopback import http_client

URLS = st.sampled_from(["http://127.0.0.1:9/hook", "http://[::1", "file:///etc/passwd", "http://x\x00", ""])
BODIES = nearly(
    {
        "to": ADDRESSES,
        "message": ANY_TEXT,
        "id": ANY_TEXT,
        "ttl": st.integers(),
        "meta": JSON,
        "number": ADDRESSES,
        "callbackUrl": URLS,
        "url": URLS,
        "chats": st.lists(ADDRESSES, max_size=2),
        "events": st.lists(ANY_TEXT),
        "action": ANY_TEXT,
        "name": ANY_TEXT,
        "bot_activo": st.booleans(),
        "secret": ANY_TEXT,
    }
)
PLAYED = nearly(
    {
        "chat": ADDRESSES,
        "body": ANY_TEXT,
        "author": ADDRESSES,
        "type": ANY_TEXT,
        "timestamp": st.integers(),
        "quoted": ANY_TEXT,
        "fields": st.dictionaries(ANY_TEXT, JSON, max_size=2),
        "id": ANY_TEXT,
        "ack": st.integers(),
        "pn": ADDRESSES,
        "lid": ADDRESSES,
        "name": ANY_TEXT,
        "participants": st.lists(ADDRESSES),
        "ref": ANY_TEXT,
        "receipts": st.dictionaries(ANY_TEXT, st.integers(), max_size=2),
        "sync_ms": st.integers(),
        "site": ANY_TEXT,
    }
)
LEGACY_SEND = "/api/whatsapp/send"
REFUSALS = frozenset(ERRORS) - {InternalError.code}
OF_THE_BRIDGE = (
    LEGACY_SEND,
    "/api/whatsapp/register-listener",
    "/api/whatsapp/unregister-listener",
    "/v1/sessions/haby/sends",
    "/v1/sessions/haby/listeners",
    "/api/bot-config/toggle/51",
)
OF_THE_SANDBOX = ("/api/incoming", "/api/own", "/api/contacts", "/api/chats", "/api/groups", "/api/scan", "/api/acks")


def generated(bodies: st.SearchStrategy[object]) -> list[bytes]:
    """The payloads, created before anything runs: a bridge in this process would disturb Hypothesis's randomness."""
    payloads = []

    @BUDGET
    @given(st.one_of(bodies.map(written), bodies.map(written), st.binary(max_size=60), JSON.map(written)))
    def make(payload: bytes) -> None:
        payloads.append(payload)

    make()
    return payloads


async def post_all(url: str, paths: Sequence[str], payloads: Sequence[bytes]) -> None:
    """Post each payload, to the paths in turn; a broken connection or an internal error fails the test.

    A send that is refused is a 500 on the legacy path, with the code of the refusal.
    """
    async with http_client(url, timeout=30) as client:
        for path, payload in zip(cycle(paths), payloads, strict=False):
            answer = await client.post(path, content=payload, headers={"content-type": "application/json"})
            fields = json.loads(answer.content.decode("utf-8")) if answer.content else {}
            refused = path == LEGACY_SEND and fields.get("code") in REFUSALS
            assert answer.status_code < 500 or refused, (path, payload, answer.text)


async def test_bodies_for_the_bridge(tmp_path: Path) -> None:
    payloads = generated(BODIES)
    side = HttpBridge(tmp_path / "data")
    await side.start()
    try:
        await post_all(side.url, OF_THE_BRIDGE, payloads)
    finally:
        await side.stop()


async def test_bodies_for_the_sandbox() -> None:
    payloads = generated(PLAYED)
    async with Sandbox(port=0) as sandbox:
        await post_all(sandbox.url, OF_THE_SANDBOX, payloads)
