"""`/v1`: sends with a time, taken back with DELETE; and a `kill -9` between the two."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.contract.payload import rfc3339
from tests.http.conftest import HttpBridge
from tests.http.test_killed import Scene, scene

__all__ = ["scene"]

SENDS = "/v1/sessions/haby/sends"
SEND = {"to": "5491155500001", "message": "Hola"}


def ahead(**fields: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(**fields))


async def test_a_scheduled_send_is_listed_with_its_time_and_cancelled(
    started: HttpBridge, client: httpx.AsyncClient
) -> None:
    at = ahead(hours=1)
    accepted = await client.post(f"{SENDS}?wait=0", json={**SEND, "id": "a", "send_at": at})
    assert (accepted.status_code, accepted.json()["waits"]) == (202, {"reason": "send_at", "until": at})
    again = await client.post(SENDS, json={**SEND, "send_at": at}, headers={"Idempotency-Key": "a"})
    assert again.json()["waits"]["until"] == at
    (listed,) = (await client.get(SENDS, params={"only": "open"})).json()["sends"]
    assert (listed["send_at"], listed["waits"]["reason"]) == (at, "send_at")
    for _ in range(2):
        gone = await client.delete(f"{SENDS}/a")
        assert gone.status_code == 200
        assert (gone.json()["state"], gone.json()["error"]["code"]) == ("failed", "cancelled")
    assert (await client.get(f"{SENDS}/a")).json()["error"]["code"] == "cancelled"
    repeated = await client.post(SENDS, json={**SEND, "id": "a"})
    assert (repeated.status_code, repeated.json()["code"]) == (409, "cancelled")
    assert started.phone.sent == []


async def test_what_was_sent_cannot_be_cancelled(started: HttpBridge, client: httpx.AsyncClient) -> None:
    await client.post(f"{SENDS}?wait=10", json={**SEND, "id": "a"})
    late = await client.delete(f"{SENDS}/a")
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert late.json()["result"]["status"] == "sent"
    assert "too late" in late.json()["detail"]


@pytest.mark.parametrize(("command_id", "status"), [("unknown", 404), ("x" * 129, 400)])
async def test_an_unknown_send_is_not_found(client: httpx.AsyncClient, command_id: str, status: int) -> None:
    answer = await client.delete(f"{SENDS}/{command_id}")
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("at", ["tomorrow", "2027-01-31T12:00:00", 5, "9999-12-31T23:59:59Z"])
async def test_a_wrong_time_is_a_problem(client: httpx.AsyncClient, at: Any) -> None:
    answer = await client.post(SENDS, json={**SEND, "send_at": at})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "send_at" in answer.json()["detail"]


async def test_the_budgets_are_metrics(side: HttpBridge) -> None:
    side.given["pace"] = "20/minute"
    await side.start()
    async with side.client() as client:
        await client.post(f"{SENDS}?wait=10", json=SEND)
        text = (await client.get("/metrics")).text
        budget = (await client.get("/v1/sessions/haby")).json()["budget"]
    assert re.search(r'wa_send_budget\{budget="answers",session="haby"\} 4\.0', text), text
    assert 'wa_send_budget{budget="first",session="haby"} 0.0' in text
    assert 'wa_first_messages{session="haby"} 1.0' in text
    assert 'wa_sending_held{by="quiet_hours",session="haby"} 0.0' in text
    assert 'wa_sending_held{by="reach_out_lock",session="haby"} 0.0' in text
    assert budget["first_messages"]["left"] == 0


@pytest.mark.timeout(180)
async def test_a_scheduled_send_survives_kills_and_is_sent_once(scene: Scene) -> None:
    at = datetime.now(UTC) + timedelta(seconds=12)
    async with scene.client() as client:
        for number in range(3):
            body = {**SEND, "message": f"later {number}", "id": f"a{number}", "send_at": rfc3339(at)}
            assert (await client.post(SENDS, json=body)).status_code == 202
        assert (await client.delete(f"{SENDS}/a2")).status_code == 200
    for _ in range(2):
        scene.bridge.end()  # kill -9
        scene.bridge.start()
        await scene.connected()
    assert scene.sent() == {} or datetime.now(UTC) >= at
    await scene.until(lambda: len(scene.sent()) == 2, "the scheduled messages")
    scene.bridge.end()
    scene.bridge.start()
    await scene.connected()
    async with scene.client() as client:
        await client.post(f"{SENDS}?wait=20", json={**SEND, "message": "the end"})
        await asyncio.sleep(0)
        assert (await client.get(f"{SENDS}/a2")).json()["error"]["code"] == "cancelled"
    assert scene.sent() == {"later 0": 1, "later 1": 1, "the end": 1}
