"""`wa search` and the client's `search`, against a bridge on a real broker."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from bridge.cli.search import past
from bridge.client import InvalidRequest
from tests.cli.conftest import ScriptedBridge, Wa

ANA, BETO = "5491155500001@c.us", "5491155500002@c.us"


async def test_messages_are_found(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "La factura\nde marzo")
    harness.phone.incoming(BETO, "otra factura")
    await harness.journalled(2)
    shown = await wa("search", "FACTÚRA", "mar")
    assert (shown.code, "La factura de marzo" in shown.out, "otra" in shown.out) == (0, True, False)
    lines = (await wa("search", "factura", "--json", "--since", "1d")).out.splitlines()
    assert [json.loads(line)["chat"] for line in lines] == [BETO, ANA]
    one = await wa("search", "factura", "--json", "--chat", "+54 9 11 5550-0002", "--limit", "1")
    assert [json.loads(line)["chat"] for line in one.out.splitlines()] == [BETO]
    none = await wa("search", "inexistente")
    assert (none.code, none.out, "No message" in none.err) == (0, "", True)
    for wrong, sentence in ((("¡!",), "no letter"), (("hola", "--since", "ayer"), "no time"), (("a" * 300,), "200")):
        refused = await wa("search", *wrong)
        assert (refused.code, sentence in refused.err) == (2, True), refused.err


def test_times_of_the_past() -> None:
    here = timezone(timedelta(hours=-3))
    now = datetime(2026, 3, 10, 12, tzinfo=here)
    assert past("7d", now) == now - timedelta(days=7)
    assert past("12h", now) == datetime(2026, 3, 10, 0, tzinfo=here)
    assert past("2026-03-01", now) == datetime(2026, 3, 1, tzinfo=here)
    assert past("2026-03-01T15:30Z", now).utcoffset() == timedelta(0)
    with pytest.raises(InvalidRequest, match="is no time"):
        past("ayer", now)
