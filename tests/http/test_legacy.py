"""The legacy endpoints as pairs of request and answer: what unchanged legacy callers rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.session import SessionState
from bridge.ports import StoreUnusable
from tests.http.conftest import HttpBridge
from tests.http.receiver import Receiver

PAIRS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "golden" / "legacy.json").read_text())
#: States of the session that pairs are given in.
STATES = {"connected": SessionState.CONNECTED, "link down": SessionState.RECONNECTING, "pairing": SessionState.PAIRING}


async def bring(side: HttpBridge, given: str) -> None:
    """Start the bridge with its session in a state."""
    if given == "pairing":
        side.phone.paired = False
        await side.start(until=SessionState.PAIRING)
        return
    await side.start()
    if given == "link down":
        side.phone.link(up=False)
        await side.reach(SessionState.RECONNECTING)
    if given == "closed":
        async with side.client() as client:
            (await client.post("/v1/sessions/haby/control", json={"action": "close"})).raise_for_status()


def matches(expected: Any, actual: Any) -> bool:
    """Equal; `"…"` stands for any text, and an answer may have more fields than the legacy one."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key in actual and matches(value, actual[key]) for key, value in expected.items()
        )
    return actual == expected or (expected == "…" and isinstance(actual, str) and actual != "")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"])
async def test_legacy_pair(side: HttpBridge, pair: dict[str, Any]) -> None:
    await bring(side, pair.get("given", "connected"))
    async with side.client() as client:
        for step in pair.get("before", []):
            (await client.request(*step["request"], json=step.get("json"))).raise_for_status()
        content = pair["text"].encode() if "text" in pair else None
        headers = {"content-type": "application/json"} | pair.get("headers", {}) if content else pair.get("headers")
        answer = await client.request(*pair["request"], json=pair.get("json"), content=content, headers=headers)
    assert answer.status_code == pair["status"], answer.text
    if "answer" in pair:
        assert matches(pair["answer"], answer.json()), answer.text
        assert answer.headers["content-type"].startswith("application/json")
    if "answer_text" in pair:
        assert answer.text == pair["answer_text"]
    for name in pair.get("without", []):
        assert name not in answer.json()


async def test_the_pairing_code_is_a_png_of_300_pixels(side: HttpBridge) -> None:
    await bring(side, "pairing")
    async with side.client() as client:
        session = (await client.get("/haby/api/wapp-session")).json()
        image = await client.get("/haby/api/wapp-session/qr-image")
    assert session["hasQR"] is True
    assert session["qr"].startswith("2@scripted")
    assert image.headers["content-type"] == "image/png"
    assert image.headers["cache-control"] == "no-store"
    assert image.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert [int.from_bytes(image.content[at : at + 4], "big") for at in (16, 20)] == [300, 300]


async def test_a_send_reaches_whatsapp_once_however_often_its_id_is_repeated(started: HttpBridge) -> None:
    async with started.client() as client:
        answers = [
            await client.post(
                "/api/whatsapp/send",
                json={"to": "+54 9 11 5550-0001", "message": "Hola ¿qué tal? 👋🏽 שלום"},
                headers={"Idempotency-Key": "order-17"},
            )
            for _ in range(3)
        ]
        started.phone.link(up=False)
        await started.reach(SessionState.RECONNECTING)
        answers.append(
            await client.post(
                "/api/whatsapp/send",
                json={"to": "5491155500001", "message": "Hola ¿qué tal? 👋🏽 שלום"},
                headers={"Idempotency-Key": "order-17"},
            )
        )
        other = await client.post(
            "/api/whatsapp/send",
            json={"to": "5491155500001", "message": "something else"},
            headers={"Idempotency-Key": "order-17"},
        )
    assert {(answer.status_code, answer.json()["id"], answer.json()["status"]) for answer in answers} == {
        (200, "order-17", "sent")
    }
    assert [sent.text for sent in started.phone.sent] == ["Hola ¿qué tal? 👋🏽 שלום"]
    assert other.status_code == 409


async def test_operators_find_the_lines_that_they_grep_for(
    started: HttpBridge, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with started.client() as client:
        for _ in range(2):
            await client.post("/api/whatsapp/register-listener", json={"callbackUrl": receiver.url})
    started.phone.incoming("5491155500001@c.us", "Un secreto")
    await receiver.got(1)
    log = caplog.text
    assert log.count("Listener registrado") == 1
    assert log.count("Mensaje recibido") == 1
    assert "Un secreto" not in log
    assert "5491155500001" not in log


async def test_a_store_that_fails_names_no_file(side: HttpBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    await bring(side, "connected")

    async def locked(*_: object, **__: object) -> None:
        raise StoreUnusable("/srv/wa/haby/store.db could not be used: it is locked.")

    assert side.bridge is not None
    session = side.bridge.hosts[0].session
    assert session is not None
    monkeypatch.setattr(session.outbound, "submit", locked)
    async with side.client() as client:
        answer = await client.post("/api/whatsapp/send", json={"to": "5491155500001", "message": "Hola"})
    assert (answer.status_code, answer.json()["code"], "/srv" in answer.text) == (500, "internal", False)
