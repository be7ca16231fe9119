"""The history of a session's states over HTTP: over restarts and a kill, in pages, for callers of the session."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
import pytest

from bridge.contract.proxy import Proxy
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedDriver
from bridge.ports import DriverSink, Scope
from tests.http.conftest import HttpBridge
from tests.http.test_access import key_for

PATH = "/v1/sessions/haby/states"


async def _states(side: HttpBridge) -> list[dict[str, Any]]:
    async with side.client() as client:
        answer = await client.get(PATH)
        found: list[dict[str, Any]] = answer.json()["states"]
        return found


async def _shows(side: HttpBridge, state: SessionState) -> dict[str, Any]:
    """The session's status, once it has this state; also while its store is closed."""
    async with side.client() as client, asyncio.timeout(20):
        while (status := (await client.get("/v1/sessions/haby")).json())["state"] != state:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
    found: dict[str, Any] = status
    return found


async def test_the_history_outlives_a_restart_and_a_kill(started: HttpBridge) -> None:
    started.phone.link(up=False)
    await started.reach(SessionState.RECONNECTING)
    started.phone.link(up=True)
    await started.reach(SessionState.CONNECTED)
    await started.stop()
    await started.start()
    await _states(started)  # a read has what was to be written soon; a kill has not
    await started.kill()
    await started.start()
    async with asyncio.timeout(20):
        while (states := await _states(started))[0]["reason"] != "ready":
            pass
    reasons = [one["reason"] for one in reversed(states)]
    assert reasons[0] == "browser_starting"
    assert reasons.index("link_down") < reasons.index("shut_down") < reasons.index("bridge_gone")
    assert (states[0]["state"], states[0]["reason"], states[0]["until"]) == ("connected", "ready", None)
    assert states[0]["text"] == "Ready."
    for newer, older in pairwise(states):
        assert older["until"] == newer["since"]
        assert datetime.fromisoformat(older["since"]) <= datetime.fromisoformat(older["until"])


async def test_pages_follow_one_another_to_the_end(client: httpx.AsyncClient) -> None:
    whole = (await client.get(PATH)).json()
    assert whole["next"] is None
    found, after = [], None
    while True:
        page = (await client.get(PATH, params={"limit": 2} | ({"after": after} if after else {}))).json()
        found += page["states"]
        if (after := page["next"]) is None:
            break
    assert found == whole["states"]
    assert len(found) > 2
    refused = await client.get(PATH, params={"after": "x"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")


async def test_a_session_whose_store_is_closed_says_so(side: HttpBridge) -> None:
    folder = side.settings.session_dir("haby")
    folder.parent.mkdir(parents=True)
    folder.write_text("not a folder")
    await side.start(until=None)
    async with side.client() as client:
        answer = await client.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_connected")


async def test_a_failure_of_the_session_is_in_the_history_with_its_time(
    started: HttpBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: ScriptedDriver, sink: DriverSink) -> None:
        raise RuntimeError("a fault in the code")

    connected = (await _states(started))[0]
    monkeypatch.setattr(ScriptedDriver, "run", broken)
    async with started.client() as client:
        await client.post("/v1/sessions/haby/control", json={"action": "restart"})
    assert (await _shows(started, SessionState.ERROR))["since"] > connected["since"]
    await started.stop()
    monkeypatch.undo()
    await started.start()
    states = await _states(started)
    [failed] = [one for one in states if one["reason"] == "bridge_fault"]
    assert failed["since"] > connected["since"]
    assert not {"bridge_gone", "shut_down"} & {one["reason"] for one in states}  # the error was what the status said


async def test_a_key_of_another_session_sees_no_history(side: HttpBridge) -> None:
    own, other = await key_for(side, Scope.LISTEN, sessions=["haby"]), await key_for(side, Scope.SEND, sessions=["x"])
    await side.start()
    async with side.client() as client:
        assert (await client.get(PATH, headers={"x-api-key": own})).status_code == 200
        assert (await client.get(PATH, headers={"x-api-key": other})).status_code == 403


async def test_the_end_of_a_killed_bridge_is_written_although_the_next_start_fails(
    started: HttpBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: ScriptedDriver, proxy: Proxy | None) -> None:
        raise RuntimeError("a fault in the code")

    await _states(started)
    await started.kill()
    monkeypatch.setattr(ScriptedDriver, "use_proxy", broken)
    await started.start(until=None)
    await _shows(started, SessionState.ERROR)
    monkeypatch.undo()
    await started.stop()
    await started.start()
    reasons = [one["reason"] for one in reversed(await _states(started))]
    assert reasons.index("ready") < reasons.index("bridge_gone") < reasons.index("bridge_fault")
