"""Log lines: enough to follow a command, without recipients or texts."""

from __future__ import annotations

import json
import logging

import pytest

from bridge.contract.commands import parse_out
from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid
from bridge.core.results import Rejection
from bridge.drivers.scripted import SendMode
from tests.core.commands import BETO, command
from tests.core.conftest import SessionHarness

ANA = "5491155500001"
SAID = "a very private text"


async def test_numbers_are_masked_and_bodies_are_not_logged(
    harness: SessionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    harness.phone.missing = {Jid.parse(BETO)}
    await harness.start()
    harness.phone.incoming(f"{ANA}@c.us", SAID, notify_name="Ana Private")
    harness.phone.incoming(f"{ANA}@c.us", SAID, media="wrong")
    await harness.submit(command(SAID, ANA, id="sent"))
    await harness.submit(command(SAID, BETO, id="missing"))
    await harness.submit(command(SAID, "123456789012345@lid", id="stranger"))
    await harness.reported("sent", 3)
    await harness.reported("missing", 2)
    await harness.reported("stranger", 2)
    harness.phone.send_mode = SendMode.CALL_LOST
    await harness.submit(command(SAID, ANA, id="doubt"))
    await harness.reported("doubt", 2)
    await harness.outbound.reject(
        InvalidRequest(f"{ANA!r} is not a phone number"), Rejection(f"wa/haby/out/{ANA}", "0" * 64)
    )
    assert "missing" in caplog.text
    assert "0001@c.us" in caplog.text
    for private in (ANA, BETO.partition("@")[0], "123456789012345", SAID, "Ana Private"):
        assert private not in caplog.text


@pytest.mark.parametrize(
    ("payload", "logged"),
    [
        (SAID.encode(), "(invalid: not JSON: Expecting value: line 1 column 1 (char 0), SHA-256"),
        (json.dumps([SAID]).encode(), "(invalid: JSON but not an object of fields, SHA-256"),
        (json.dumps({SAID: 1, "message": SAID}).encode(), "(invalid: to is missing, a field is not known, SHA-256"),
        (json.dumps({"to": ANA, "message": SAID, "ttl": SAID}).encode(), "(invalid: ttl is wrong (int_type), SHA-256"),
        (json.dumps({"to": SAID, "message": SAID}).encode(), "(invalid: not_a_phone_number, SHA-256"),
    ],
)
async def test_why_an_input_is_refused_is_logged_without_its_content(
    harness: SessionHarness, caplog: pytest.LogCaptureFixture, payload: bytes, logged: str
) -> None:
    caplog.set_level(logging.INFO)
    await harness.start()
    with pytest.raises(InvalidRequest) as refused:
        parse_out(payload)
    await harness.outbound.reject(refused.value, Rejection("wa/haby/out", "0" * 64))
    assert f"refused input {logged}" in caplog.text
    assert SAID not in caplog.text
    assert ANA not in caplog.text


async def test_a_refused_input_does_not_change_the_result_of_its_id(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(command(id="a"))
    await harness.reported("a", 3)
    for known in ("a", "b"):
        await harness.outbound.reject(InvalidRequest("typo"), Rejection("wa/haby/out", "0" * 64, command_id=known))
    assert await harness.reported_now("a") == ["accepted", "sent", "server"]
    assert await harness.reported_now("b") == ["failed:invalid"]
    assert len([notice for notice in await harness.notices() if notice.get("sha256")]) == 2
