"""What deploy/monitoring ships: rules judged by promtool, scraped and fired by a real Prometheus, charts that draw."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from bridge.contract.session import SessionState
from bridge.ports import Scope
from tests.http.conftest import ANA, HttpBridge
from tests.http.test_access import key_for
from tests.parts import require_binary

SHIPPED = Path(__file__).parents[2] / "deploy/monitoring"
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
    told, _ = await program.communicate(given.encode())
    assert program.returncode == 0, told.decode()
    return told.decode()


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


def test_every_alert_leads_to_a_place_in_the_troubleshooting_guide() -> None:
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


class Prometheus:
    """One that scrapes a bridge five times a second, with the shipped rules made impatient."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, trust_env=False, timeout=5)

    async def get(self, path: str, **query: str) -> Any:
        return (await self._client.get(path, params=query)).json()

    async def firing(self) -> set[tuple[str, str]]:
        alerts = (await self.get("/api/v1/alerts"))["data"]["alerts"]
        return {(one["labels"]["alertname"], one["labels"].get("session", "")) for one in alerts}

    async def until(self, alert: str, *, fires: bool) -> None:
        async with asyncio.timeout(15):
            while (alert in {name for name, _ in await self.firing()}) is not fires:  # noqa: ASYNC110 - it cannot push
                await asyncio.sleep(0.1)

    async def __aenter__(self) -> Prometheus:
        async with asyncio.timeout(15):
            while True:
                try:
                    if (await self._client.get("/-/ready")).is_success:
                        return self
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()


@asynccontextmanager
async def scraped(side: HttpBridge, key: str, folder: Path) -> AsyncIterator[Prometheus]:
    """The shipped configuration on this bridge, with short intervals and no `for`."""
    binary = require_binary("prometheus", "prometheus")
    rules = re.sub(r"for: \d+m", "for: 0s", (SHIPPED / "alerts.yml").read_text())
    (folder / "alerts.yml").write_text(rules)
    (folder / "key").write_text(key)
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"}
    (job,) = [one for one in config["scrape_configs"] if one["job_name"] == "wa-bridge"]
    job["static_configs"] = [{"targets": [side.url.removeprefix("http://")]}]
    job["authorization"] = {"type": "Bearer", "credentials_file": str(folder / "key")}
    config["scrape_configs"] = [job]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = await asyncio.create_subprocess_exec(
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with Prometheus(f"http://127.0.0.1:{port}") as prometheus:
            yield prometheus
    finally:
        program.terminate()
        await program.wait()


async def test_a_real_prometheus_scrapes_with_a_key_and_the_rules_fire(side: HttpBridge, tmp_path: Path) -> None:
    require_binary("prometheus", "prometheus")
    await side.start()
    async with side.client() as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": "http://127.0.0.1:9/nobody"})
        await client.post("/v1/sessions/haby/sends?wait=5", json={"to": ANA, "message": "hola"})
    key = await key_for(side, Scope.LISTEN)
    async with scraped(side, key, tmp_path) as prometheus:
        await prometheus.until("WaBrokerLost", fires=True)  # these tests have no broker
        calm = {name for name, _ in await prometheus.firing()}
        assert calm.isdisjoint({"WaBridgeDown", "WaSessionDisconnected", "WaSessionNeedsPairing"})
        side.phone.link(up=False)
        await prometheus.until("WaSessionDisconnected", fires=True)
        side.phone.link(up=True)
        await side.reach(SessionState.CONNECTED)
        await prometheus.until("WaSessionDisconnected", fires=False)
        side.phone.log_out()
        await prometheus.until("WaSessionNeedsPairing", fires=True)
        await _every_chart_draws(prometheus)
        await side.stop()
        await prometheus.until("WaBridgeDown", fires=True)


async def _every_chart_draws(prometheus: Prometheus) -> None:
    """Each query of the dashboard is accepted, and names metrics that are there (but the model's and a browser's)."""
    names = set((await prometheus.get("/api/v1/label/__name__/values"))["data"])
    for panel in json.loads((SHIPPED / "grafana/bridge.json").read_text())["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$session", ".*")
            answer = await prometheus.get("/api/v1/query", query=query)
            assert answer["status"] == "success", f"{panel['title']}: {answer}"
            used = set(re.findall(r"\b(?:wa|process)_[a-z_]+", query))
            used = {name for name in used if not name.startswith(("wa_model_", "wa_memory_"))}
            assert used <= names, f"{panel['title']}: {used - names}"


async def test_metrics_keep_the_conventions_and_are_explained(started: HttpBridge) -> None:
    async with started.client() as client:
        text = (await client.get("/metrics")).text
    assert await _promtool("check", "metrics", given=text) == ""
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE wa_")}
    # prometheus_client tells of a counter's creation under a name of its own
    names = {name for name in names if not name.endswith("_created")}
    told = set(re.findall(r"`(wa_[a-z_]+)`", OPERATIONS.read_text()))
    assert names <= told
    assert {name for name in told - names if not name.startswith(("wa_model_", "wa_responder_"))} == set()


@pytest.mark.parametrize("name", ["bridge.json"])
def test_the_dashboard_has_no_two_panels_in_one_place(name: str) -> None:
    places = [one["gridPos"] for one in json.loads((SHIPPED / "grafana" / name).read_text())["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
