"""`wa session` as a program, against a bridge with HTTP."""

from __future__ import annotations

import json

from bridge.drivers.scripted import ScriptedPhone
from tests.cli.conftest import Wa
from tests.http.conftest import HttpBridge
from tests.http.conftest import side as harness_with_http

__all__ = ["harness_with_http"]


async def test_a_session_is_added_sleeps_wakes_and_is_removed(harness_with_http: HttpBridge, wa: Wa) -> None:
    harness = harness_with_http
    harness.phones["ventas"] = ScriptedPhone(harness.clock, paired=True)
    await harness.start()
    where = {"WA_HTTP_PORT": str(harness.port)}
    assert (await wa("session", "add", "ventas=52", **where)).out.startswith("ventas: ")
    listed = [json.loads(line) for line in (await wa("session", "list", "--json", **where)).out.splitlines()]
    assert [one["session"] for one in listed] == ["haby", "ventas"]
    assert "Asleep" in (await wa("session", "sleep", "ventas", **where)).out
    assert "starting" in (await wa("session", "wake", "ventas", **where)).out
    removed = await wa("session", "remove", "ventas", **where)
    assert str(harness.settings.session_dir("ventas")) in removed.out.replace("\n", "")
    assert (await wa("session", "list", **where)).out.startswith("haby: ")


async def test_errors_have_a_sentence_and_an_exit_code(harness_with_http: HttpBridge, wa: Wa) -> None:
    await harness_with_http.start()
    where = {"WA_HTTP_PORT": str(harness_with_http.port)}
    for arguments, code, expected in (
        (("add", "ventas"), 2, "name=cliente_id"),
        (("add", "a b=52"), 2, "name"),
        (("sleep", "otra"), 6, "No session of this name"),
        (("remove", "haby"), 2, "only"),
    ):
        ended = await wa("session", *arguments, **where)
        assert (ended.code, expected in ended.err) == (code, True), (arguments, ended)
        assert "Traceback" not in ended.err
