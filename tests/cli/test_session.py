"""`wa session` as a program, against a bridge with HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from bridge.cli.http_file import http_json
from bridge.contract.messages import Stream
from bridge.drivers.scripted import ScriptedPhone
from bridge.http.listener import listen
from tests.cli.conftest import Wa
from tests.http.conftest import ANA, HttpBridge
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
    shown = (await wa("session", "history", "ventas", **where)).out.splitlines()
    assert any(line.split("  ")[-1].startswith("stopped. Asleep") for line in shown)
    listed_states = [
        json.loads(line) for line in (await wa("session", "history", "ventas", "--json", **where)).out.splitlines()
    ]
    assert ("stopped", "asleep") in [(one["state"], one["reason"]) for one in listed_states]
    assert [one["until"] for one in listed_states][-1] is None
    [newest] = (await wa("session", "history", "ventas", "--limit", "1", "--json", **where)).out.splitlines()
    assert json.loads(newest)["until"] is None
    removed = await wa("session", "remove", "ventas", **where)
    assert str(harness.settings.session_dir("ventas")) in removed.out.replace("\n", "")
    assert (await wa("session", "list", **where)).out.startswith("haby: ")


async def test_every_command_knows_the_sessions_of_the_run(harness_with_http: HttpBridge, wa: Wa) -> None:
    harness = harness_with_http
    harness.phones["ventas"] = ScriptedPhone(harness.clock, paired=True)
    await harness.start()
    where = {"WA_HTTP_PORT": str(harness.port), "WA_DATA_DIR": str(harness.settings.data_dir)}
    assert (await wa("session", "add", "ventas=52", "--sleep-after", "3h", **where)).code == 0
    changed = await wa("session", "set", "ventas", "--proxy", "http://ana:s3creto@127.0.0.1:3128", **where)
    shown = await wa("session", "set", "ventas", **where)
    assert changed.out == shown.out
    assert "proxy http://ana:***@127.0.0.1:3128; sleeps by itself after 10800 s" in shown.out
    refused = await wa("session", "set", "ventas", "--proxy", "socks5://ana:s3creto@127.0.0.1", **where)
    assert (refused.code, "SOCKS" in refused.err, "s3creto" in refused.err) == (2, True, False)
    assert harness.bridge is not None
    await harness.stop()
    await harness.start()
    [ventas] = [host for host in harness.bridge.hosts if host.name == "ventas"]
    assert str(ventas.options.proxy) == "http://ana:***@127.0.0.1:3128"
    while ventas.outbox is None:  # noqa: ASYNC110 - no event for an opened store
        await asyncio.sleep(0.01)
    harness.phones["ventas"].incoming(ANA, "hola")
    while ventas.journal is None or ventas.journal.bounds(Stream.IN).last == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.01)

    assert (await wa("key", "create", "crm", "--session", "ventas", **where)).code == 0
    unknown = await wa("key", "create", "crm", "--session", "otra", **where)
    assert (unknown.code, "haby, ventas" in unknown.err) == (6, True)
    assert (await wa("trace", "1", **where)).out.startswith("ventas")
    counted = json.loads((await wa("forget", ANA, "--dry-run", "--json", **where)).out)
    assert counted["stores"]["ventas"]["messages"] == 1


async def test_errors_have_a_sentence_and_an_exit_code(harness_with_http: HttpBridge, wa: Wa) -> None:
    await harness_with_http.start()
    where = {"WA_HTTP_PORT": str(harness_with_http.port)}
    for arguments, code, expected in (
        (("add", "ventas"), 2, "name=cliente_id"),
        (("add", "a b=52"), 2, "name"),
        (("sleep", "otra"), 6, "no session of this name"),
        (("remove", "haby"), 2, "only"),
    ):
        ended = await wa("session", *arguments, **where)
        assert (ended.code, expected in ended.err) == (code, True), (arguments, ended)
        assert "Traceback" not in ended.err


async def test_a_first_key_does_not_lock_out_the_commands_of_this_machine(
    harness_with_http: HttpBridge, wa: Wa
) -> None:
    harness = harness_with_http
    folder = harness.settings.data_dir
    here, elsewhere = {"WA_DATA_DIR": str(folder)}, {"WA_DATA_DIR": str(folder.parent / "empty")}
    with listen("127.0.0.1", 0) as listener, http_json(folder, listener, web_url="") as harness.command_key:
        harness.port = listener.getsockname()[1]
        listener.close()
        await harness.start()
        assert (await wa("key", "create", "claude", "--chat", ANA, **here)).code == 0
        async with harness.client() as client:
            while (await client.get("/v1/sessions")).status_code != 401:  # noqa: ASYNC110 - the bridge caches its keys
                await asyncio.sleep(0.05)
        listed = await wa("session", "list", **here)
        assert (listed.code, listed.out.startswith("haby: "), listed.err) == (0, True, "")
        port = {"WA_HTTP_PORT": str(harness.port)}
        assert (await wa("session", "sleep", "haby", **here, **port)).code == 0
        assert (await wa("listeners", "list", **here)).code == 0

        refused = await wa("session", "list", **elsewhere, **port)
        assert (refused.code, refused.out) == (1, "")
        assert "wa key create NAME --scope admin" in refused.err
        stranger = await wa("session", "list", WHATSAPP_API_KEY="another-key", **here)
        assert stranger.code == 1, "a key that is set is the one that counts"
    async with harness.store() as store:
        actors = {entry.action: entry.actor for entry in await store.access.audit(None, 10)}
    assert "command line" in actors.values()
    assert not (folder / "http.json").exists()


async def test_without_a_port_only_the_bridge_of_the_data_directory_is_asked(wa: Wa, tmp_path: Path) -> None:
    """Another folder's bridge may listen on the default port."""
    for command in (("session", "list"), ("listeners", "list"), ("campaign", "list"), ("media", "list")):
        result = await wa(*command)
        assert (result.code, result.out) == (5, "")
        assert f"No bridge with HTTP runs on {tmp_path / 'data'}/:" in result.err
        assert "3011" not in result.err
