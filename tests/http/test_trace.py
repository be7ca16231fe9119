"""`wa trace`: the life of a message and of a command, read beside the bridge that is at it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.cli.startup import JsonFormatter
from bridge.contract.jid import Jid
from bridge.contract.payload import instant, rfc3339
from bridge.store import schema
from bridge.store.database import SqliteDatabase
from tests.forked import run_forked
from tests.http.conftest import ANA, BETO, HttpBridge
from tests.http.receiver import Answer, Receiver


async def _trace(side: HttpBridge, wanted: str, data: Path | None = None) -> tuple[int, list[dict[str, Any]]]:
    folder = data or side.settings.data_dir
    done = await run_forked(("trace", "--json", wanted), {"WA_DATA_DIR": str(folder), "PATH": ""}, folder)
    return done.code, [json.loads(line) for line in done.out.splitlines()]


async def _buried(client: httpx.AsyncClient) -> None:
    while not (await client.get("/v1/sessions/haby/dead-letters")).json()["letters"]:  # noqa: ASYNC110 - over HTTP
        await asyncio.sleep(0.02)


def _steps(trace: dict[str, Any]) -> list[str]:
    return [step["what"] for step in trace["steps"]]


async def test_a_message_from_the_page_to_the_webhook(started: HttpBridge, receiver: Receiver) -> None:
    receiver.answers = [Answer(200), Answer(410)]
    async with started.client() as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url})
        started.phone.incoming(ANA, "uno")
        refused = started.phone.incoming(ANA, "dos")
        await receiver.got(2)
        await _buried(client)
    settled = rfc3339(instant(started.clock.now()))
    code, (taken,) = await _trace(started, "1")
    assert (code, taken["session"]) == (0, "haby")
    assert _steps(taken) == ["written", "journalled", "with"]
    assert receiver.url in taken["steps"][2]["detail"]
    times = [step["at"] for step in taken["steps"]]
    assert times[1] <= times[2] <= settled
    code, (other,) = await _trace(started, refused.key.id)  # the last part of its id is enough
    assert (code, other["subject"]) == (0, f"message {refused.id}")
    assert _steps(other) == ["written", "journalled", "refused"]


async def test_a_command_from_the_claim_to_the_reader(started: HttpBridge) -> None:
    started.phone.missing.add(Jid.parse(BETO))
    async with started.client() as client:
        sent = {"id": "order-17", "to": ANA, "message": "hola"}
        assert (await client.post("/v1/sessions/haby/sends?wait=5", json=sent)).json()["status"] == "sent"
        failed = {"id": "order-18", "to": BETO, "message": "hola"}
        await client.post("/v1/sessions/haby/sends?wait=5", json=failed)
    code, (trace,) = await _trace(started, "order-17")
    steps = _steps(trace)
    assert code == 0
    assert steps[0] == "claimed"
    assert [step for step in steps if step.startswith(("result", "ack")) and "MQTT" not in step] == [
        "result accepted",
        "result sent",
        "ack server",
    ]
    assert "is sent" in steps
    async with started.client() as client:
        again = await client.post("/v1/sessions/haby/sends?wait=5", json=sent | {"message": "chau"})
    assert again.status_code == 409
    code, (trace,) = await _trace(started, "order-17")
    assert not [step for step in _steps(trace) if step.startswith("result failed")]
    assert [step["detail"] for step in trace["steps"] if step["what"] == "second use refused"] == ["conflict"]
    times = [step["at"] for step in trace["steps"] if step["at"]]
    assert times == sorted(times)
    code, (other,) = await _trace(started, "order-18")
    assert other["steps"][-1]["detail"].startswith("not_on_whatsapp")
    assert "hola" not in json.dumps(trace)  # what was written is not shown


async def test_what_happened_in_the_sandbox_is_found_without_naming_it(started: HttpBridge, tmp_path: Path) -> None:
    started.phone.incoming(ANA, "uno")
    await started.journalled(1)
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner/sandbox").symlink_to(started.settings.data_dir)
    code, (taken,) = await _trace(started, "1", tmp_path / "owner")
    assert (code, _steps(taken)) == (0, ["written", "journalled"])


async def test_an_unknown_id_is_said(started: HttpBridge) -> None:
    assert await _trace(started, "nothing-like-it") == (1, [])


async def test_one_id_follows_a_message_through_the_log(
    started: HttpBridge, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [Answer(410)]
    with caplog.at_level("DEBUG", "bridge"):
        async with started.client() as client:
            await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url})
            message = started.phone.incoming(ANA, "a secret")
            await receiver.got(1)
            await _buried(client)
            sent = {"id": "order-1", "to": ANA, "message": "a secret"}
            await client.post("/v1/sessions/haby/sends?wait=5", json=sent)
    form = JsonFormatter()
    lines = [json.loads(form.format(record)) for record in caplog.records if hasattr(record, "trace")]
    of_message = [line["logger"] for line in lines if line["trace"] == message.key.id]
    assert of_message == ["bridge.core.inbound", "bridge.webhooks.delivery"]
    assert [line["session"] for line in lines if line["trace"] == "order-1"] == ["haby"] * 3  # claimed, leaves, sent
    assert not any("secret" in json.dumps(line) or ANA[:12] in json.dumps(line) for line in lines)


async def test_a_store_that_no_bridge_of_this_version_has_opened_is_no_crash(side: HttpBridge) -> None:
    path = side.settings.session_dir("haby") / "store.db"
    path.parent.mkdir(parents=True)
    async with SqliteDatabase(path, side.clock.now(), schema.migrations()[:-1]):
        pass
    assert await _trace(side, "1") == (1, [])
