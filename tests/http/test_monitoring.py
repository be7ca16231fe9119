"""What deploy/monitoring ships: rules judged by promtool, scraped and fired by a real Prometheus, charts that draw."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import yaml

from bridge.contract.session import SessionState
from bridge.ports import Scope
from tests.http.conftest import ANA, HttpBridge
from tests.http.test_access import key_for
from tests.parts import require_binary
from tests.prometheus_server import SHIPPED, dashboard, scraping

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
TROUBLE = Path(__file__).parents[2] / "docs/troubleshooting.md"


async def _promtool(*arguments: str, given: str = "") -> str:
    program = await asyncio.create_subprocess_exec(
        require_binary("promtool", "prometheus"),
        *arguments,
        cwd=SHIPPED,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await program.communicate(given.encode())
    assert program.returncode == 0, output.decode()
    return output.decode()


async def test_rules_and_configuration_are_sound_and_the_rules_do_what_they_say() -> None:
    await _promtool("check", "config", "prometheus.yml")
    assert "SUCCESS" in await _promtool("test", "rules", "alerts_test.yml")


def test_promtool_sees_every_alert_fire_and_every_one_of_them_quiet() -> None:
    alerts = {rule["alert"] for rule in yaml.safe_load((SHIPPED / "alerts.yml").read_text())["groups"][0]["rules"]}
    cases = [
        case
        for test in yaml.safe_load((SHIPPED / "alerts_test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == alerts
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == alerts


def test_every_alert_links_to_the_troubleshooting_guide() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).strip().replace(" ", "-")
        for line in TROUBLE.read_text().splitlines()
        if line.startswith("#")
    }
    rules = yaml.safe_load((SHIPPED / "alerts.yml").read_text())["groups"][0]["rules"]
    for rule in rules:
        file, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert file == "docs/troubleshooting.md"
        assert anchor in headings, rule["alert"]


async def test_a_real_prometheus_scrapes_with_a_key_and_the_rules_fire(side: HttpBridge, tmp_path: Path) -> None:
    await side.start()
    async with side.client() as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": "http://127.0.0.1:9/refused"})
        await client.post("/v1/sessions/haby/sends?wait=5", json={"to": ANA, "message": "hola"})
    key = await key_for(side, Scope.LISTEN)
    async with scraping(tmp_path, {"wa-bridge": side.url}, key) as prometheus:
        await prometheus.until("WaBrokerLost", fire=True)  # these tests have no broker
        assert (await prometheus.firing()).isdisjoint(
            {"WaBridgeDown", "WaSessionDisconnected", "WaSessionNeedsPairing"}
        )
        side.phone.link(up=False)
        await prometheus.until("WaSessionDisconnected", fire=True)
        side.phone.link(up=True)
        await side.reach(SessionState.CONNECTED)
        await prometheus.until("WaSessionDisconnected", fire=False)
        side.phone.log_out()
        await prometheus.until("WaSessionNeedsPairing", fire=True)
        await side.stop()
        await prometheus.until("WaBridgeDown", fire=True)


async def test_metrics_keep_the_conventions_and_are_explained(started: HttpBridge) -> None:
    async with started.client() as client:
        text = (await client.get("/metrics")).text
    assert await _promtool("check", "metrics", given=text) == ""
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE wa_")}
    documented = set(re.findall(r"`(wa_[a-z_]+)`", OPERATIONS.read_text()))
    assert names <= documented
    others = ("wa_campaign", "wa_model_", "wa_responder_", "wa_transcript")
    assert {name for name in documented - names if not name.startswith(others)} == set()


def test_the_dashboard_has_what_grafana_asks_of_one() -> None:
    """The fields that its published schema requires; in the tests there is no Grafana to load it."""
    whole = json.loads((SHIPPED / "grafana/bridge.json").read_text())
    assert whole["title"]
    assert re.fullmatch(r"[a-z-]{1,40}", whole["uid"])
    assert isinstance(whole["schemaVersion"], int)
    variables = {one["name"] for one in whole["templating"]["list"] if one["type"] and one["query"]}
    panels = dashboard()
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["type"] in {"stat", "state-timeline", "timeseries"}, panel["title"]
        assert panel["title"]
        assert set(panel["fieldConfig"]) == {"defaults", "overrides"}
        assert len({one["refId"] for one in panel["targets"]}) == len(panel["targets"]) > 0
        assert set(re.findall(r"\$\{?(\w+)", json.dumps(panel))) <= variables
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    positions = [panel["gridPos"] for panel in panels]
    cells = [(x, y) for p in positions for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
