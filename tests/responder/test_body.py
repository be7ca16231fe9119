"""The body of a request: within a size and a time, whether its length was announced or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Message

from responder.http import body
from responder.http.body import LARGEST, BodyTooSlow, read_body
from tests.responder.conftest import Whole


async def test_a_body_without_a_length_may_not_be_larger_either(whole: Whole) -> None:
    responder = await whole.start()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(2 * LARGEST // 10_000):
            yield b" " * 10_000

    async with httpx.AsyncClient(base_url=responder.url) as client:
        answer = await client.post("/api/message-received", content=endless())
        assert answer.status_code == 413
        assert (await client.post("/api/bot-config/toggle/51", json={"bot_activo": 0})).status_code == 200


async def test_one_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "PATIENCE", 0.05)
    came = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Message:
        if (message := next(came, None)) is None:
            await asyncio.Event().wait()
        assert message is not None
        return message

    with pytest.raises(BodyTooSlow):
        await read_body(receive)
