"""`wa doctor` as a program: without any bridge, beside a running one, and live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.sandbox import Sandbox
from tests.cli.conftest import ScriptedBridge, Wa
from tests.parts import require_binary

pytestmark = pytest.mark.timeout(120)


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
