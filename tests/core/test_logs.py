"""What the log says: enough to follow a command, never whom it went to or what it said."""

from __future__ import annotations

import logging

import pytest

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid
from bridge.core.results import Rejection
from bridge.drivers.scripted import SendMode
from tests.core.commands import BETO, command
from tests.core.conftest import Bench

ANA = "5491155500001"
SAID = "a very private text"


async def test_numbers_are_masked_and_bodies_are_not_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench.phone.missing = {Jid.parse(BETO)}
    await bench.start()
    bench.phone.incoming(f"{ANA}@c.us", SAID, notify_name="Ana Private")
    bench.phone.incoming(f"{ANA}@c.us", SAID, media="wrong")
    await bench.submit(command(SAID, ANA, id="sent"))
    await bench.submit(command(SAID, BETO, id="missing"))
    await bench.submit(command(SAID, "123456789012345@lid", id="stranger"))
    await bench.told("sent", 3)
    await bench.told("missing", 2)
    await bench.told("stranger", 2)
    bench.phone.send_mode = SendMode.CALL_LOST
    await bench.submit(command(SAID, ANA, id="doubt"))
    await bench.told("doubt", 2)
    await bench.outbound.reject(
        InvalidRequest(f"{ANA!r} is not a phone number"), Rejection(f"wa/haby/out/{ANA}", "0" * 64)
    )
    assert "missing" in caplog.text
    assert "0001@c.us" in caplog.text
    for private in (ANA, BETO.partition("@")[0], "123456789012345", SAID, "Ana Private"):
        assert private not in caplog.text


async def test_a_refused_input_does_not_change_what_stands_under_its_id(bench: Bench) -> None:
    await bench.start()
    await bench.submit(command(id="a"))
    await bench.told("a", 3)
    for known in ("a", "b"):
        await bench.outbound.reject(InvalidRequest("typo"), Rejection("wa/haby/out", "0" * 64, command_id=known))
    assert await bench.told_now("a") == ["accepted", "sent", "server"]
    assert await bench.told_now("b") == ["failed:invalid"]
    assert len([notice for notice in await bench.notices() if notice.get("sha256")]) == 2
