"""The panel's stream of hints: one for many changes, of the caller's sessions alone, until its login ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from bridge.drivers.scripted import ScriptedPhone
from bridge.http.limits import HttpLimits
from bridge.ports import Scope
from tests.http.conftest import ANA, HERE, HttpBridge
from tests.http.test_access import key_for

PATH = "/panel/changes"
HINT, PING = "data: changed", ": ping"


async def lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    async for line in response.aiter_lines():
        if line in (HINT, PING):
            yield line


@asynccontextmanager
async def hints(client: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[str]]:
    """The hints and pings of a stream after its first hint, which is for what changed before it."""
    async with asyncio.timeout(HERE), client.stream("GET", PATH) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        async with aclosing(lines(response)) as reading:
            assert await anext(reading) == HINT
            yield reading


@pytest.fixture
def side(side: HttpBridge) -> HttpBridge:
    side.limits = replace(side.limits, http=HttpLimits(key_cache=0.0, recheck=0.1, event_ping=0.3, hints=0.2))
    return side


async def test_many_changes_are_few_hints(started: HttpBridge) -> None:
    async with started.client() as client, hints(client) as reading:
        for number in range(300):
            started.phone.incoming(ANA, f"mensaje {number}")
        await started.journalled(300)
        assert await anext(reading) == HINT
        before_the_ping = 0
        while await anext(reading) == HINT:
            before_the_ping += 1
    assert before_the_ping <= 5


async def test_another_session_hints_at_nothing(side: HttpBridge) -> None:
    side.given |= {"api_key": "the-legacy-key"}
    await side.start()
    side.phones["ventas"] = ScriptedPhone(side.clock, paired=True)
    key = await key_for(side, Scope.SEND, sessions=["haby"])
    async with (
        side.client(headers={"x-api-key": "the-legacy-key"}) as admin,
        side.client(headers={"x-api-key": key}) as client,
        hints(admin) as all_hints,
        hints(client) as own_hints,
    ):
        while await anext(own_hints) == HINT:
            pass
        (await admin.post("/v1/sessions", json={"session": "ventas", "cliente_id": 7})).raise_for_status()
        while await anext(all_hints) == PING:
            pass
        assert [await anext(own_hints) for _ in range(2)] == [PING, PING]
        side.phone.incoming(ANA, "hola")
        while await anext(own_hints) == PING:
            pass


async def test_a_stream_ends_with_its_login(side: HttpBridge) -> None:
    side.given |= {"api_key": "the-legacy-key"}
    await side.start()
    async with side.client() as client:
        assert (await client.get(PATH)).status_code == 401
        login = await client.post("/panel/login", headers={"x-api-key": "the-legacy-key"})
        async with hints(client) as reading:
            out = await client.post("/panel/logout", headers={"x-csrf-token": login.json()["csrf"]})
            assert out.status_code == 204
            assert {line async for line in reading} <= {HINT, PING}
        assert (await client.get(PATH)).status_code == 401
