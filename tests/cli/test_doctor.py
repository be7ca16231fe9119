"""`wa doctor` as a program: without any bridge, beside a running one, and live."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from bridge.http.credentials import new_key
from bridge.http.listener import address_of, listen
from bridge.ops.doctor.responder_access import responder_access
from bridge.ports import Scope
from bridge.sandbox import Sandbox
from bridge.store import BRIDGE_STORE, BridgeStore
from tests.cli.conftest import ScriptedBridge, StartCommand, Wa
from tests.loopback import http_client
from tests.mosquitto_server import MosquittoServer, free_port
from tests.parts import require_binary


@pytest.fixture(autouse=True)
def _browser() -> None:
    require_binary("chromium-headless-shell", "chromium-headless-shell")


def by_check(out: str) -> dict[str, dict[str, str]]:
    """The findings by check; of several the last one counts."""
    return {finding["check"]: finding for finding in map(json.loads, out.splitlines())}


async def test_no_faults_beside_a_running_bridge_and_live(harness: ScriptedBridge, wa: Wa) -> None:
    async with Sandbox() as sandbox:
        await harness.start()
        [address] = harness.settings.addresses
        # the bridge's own user: the delivery check needs its permissions
        result = await wa(
            *("doctor", "--json", "--live", "--to", "5491155500001"),
            WA_MQTT_URL=address.reveal(),
            WA_WEB_URL=sandbox.url,
        )
    found = by_check(result.out)
    assert {name: f for name, f in found.items() if f["level"] == "fault"} == {}
    assert result.code == 0
    for check in ("settings", "disk", "site", "clock", "wa-js", "browser", "page", "broker", "session haby"):
        assert found[check]["level"] == "ok", found[check]
    assert found["live haby"]["what"].startswith("A self-message went through")
    assert [sent.times for sent in harness.phone.sent] == [1]
    assert "self-check" in harness.phone.sent[0].text


async def test_unreachable_parts_are_reported_and_the_command_fails(wa: Wa) -> None:
    result = await wa(
        "doctor", WA_MQTT_URL="mqtt://127.0.0.1:1", WA_WEB_URL="http://127.0.0.1:1/", WA_BROWSER="no-such"
    )
    assert result.code == 1
    assert "Effective settings" not in result.out
    assert "WA_RETENTION" not in result.out
    for words in ("Nothing listens at", "refuses the connection", "no-such", "→", "to fix"):
        assert words in result.out
    assert result.err == ""


async def test_every_setting_is_listed_where_that_is_wanted(wa: Wa) -> None:
    given = {"WA_MQTT_URL": "mqtt://127.0.0.1:1", "WA_WEB_URL": "http://127.0.0.1:1/", "WA_BROWSER": "no-such"}
    given["WA_RELEASES"] = "http://127.0.0.1:1/"
    result = await wa("doctor", "--all", **given)
    for words in ("WA_RELEASES does not answer", "Effective settings", "WA_RETENTION", "30d,1GB", "WA_REJECT_CALLS"):
        assert words in result.out
    assert "CallPolicy" not in result.out


async def test_invalid_settings_are_findings(wa: Wa) -> None:
    result = await wa("doctor", "--json", WA_PACE="often", WA_SESIONS="haby=51")
    assert result.code == 1
    levels = [(f["level"], f["what"].split(":")[0].split(" ")[0]) for f in map(json.loads, result.out.splitlines())]
    assert levels == [("fault", "WA_PACE"), ("warning", "WA_SESIONS")]


async def test_live_without_a_known_number_has_advice_to_give_one(
    harness: ScriptedBridge, wa: Wa, tmp_path: Path
) -> None:
    await harness.start()
    result = await wa("doctor", "--json", "--live", WA_WEB_URL="http://127.0.0.1:1/", WA_DATA_DIR=str(tmp_path / "new"))
    assert "--to NUMBER" in by_check(result.out)["live haby"]["advice"]
    assert harness.phone.sent == []


@pytest.mark.timeout(240)
async def test_a_responder_that_does_not_know_the_keys_of_the_bridge_is_reported(
    harness: ScriptedBridge, wa: Wa, start: StartCommand, mosquitto: MosquittoServer, tmp_path: Path
) -> None:
    harness.http = listen("127.0.0.1", 0)
    await harness.start()
    url, made = f"http://127.0.0.1:{free_port()}", new_key("doctor", [Scope.ADMIN], None, 0.0)

    @asynccontextmanager
    async def responder(**settings: str) -> AsyncIterator[None]:
        own = {"PORT": url.rpartition(":")[2], "WA_DATA_DIR": str(tmp_path / "responder")}
        process = await start("responder", WA_MQTT_URL=mosquitto.url("responder"), **own, **settings)
        try:
            async with asyncio.timeout(90), http_client(timeout=30) as client:
                while True:
                    await asyncio.sleep(0.2)
                    with suppress(httpx.TransportError):
                        if (await client.get(f"{url}/readyz")).status_code == 200:
                            break
            yield
        finally:
            process.terminate()
            await process.communicate()

    async def examined(**settings: str) -> dict[str, str] | None:
        assert harness.http is not None
        ports = {"WA_HTTP_PORT": address_of(harness.http).rpartition(":")[2], "PORT": url.rpartition(":")[2]}
        other = {"WA_WEB_URL": "http://127.0.0.1:1/", "WA_BROWSER": "no-such"}  # neither is looked at here
        return by_check((await wa("doctor", "--json", limit=60, **other, **ports, **settings)).out).get("responder")

    async with responder():
        assert await examined() is None  # the bridge asks for none either
        async with BridgeStore(harness.settings.data_dir / BRIDGE_STORE, now=harness.clock.now) as store:
            await store.access.add_key(made.key)
        assert harness.bridge is not None
        (await harness.bridge.credentials()).forget()
        found = await examined(WHATSAPP_API_KEY=made.text)
        assert found is not None
        assert found["level"] == "warning"
        assert f"{url} answers without a key" in found["what"]
        assert "WA_RESPONDER_SECRET" in found["advice"]
    async with responder(WA_RESPONDER_SECRET="entre-los-servicios"):
        found = await examined(WHATSAPP_API_KEY=made.text)
        assert found is not None
        assert found["level"] == "ok"
    assert await responder_access(url) is None
