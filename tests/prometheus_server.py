"""A real Prometheus on the shipped configuration and rules, made impatient: it scrapes twice a second."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.loopback import http_client
from tests.mosquitto_server import free_port
from tests.parts import require_binary

SHIPPED = Path(__file__).parents[1] / "deploy/monitoring"


class Prometheus:
    """One that runs, by its HTTP API."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, **query: str) -> Any:
        return (await self._client.get(path, params=query)).json()

    async def names(self) -> set[str]:
        """Of all metrics that it has."""
        return set((await self.get("/api/v1/label/__name__/values"))["data"])

    async def has(self, *wanted: str) -> None:
        """Wait until it has these metrics."""
        async with asyncio.timeout(15):
            while not set(wanted) <= await self.names():  # noqa: ASYNC110 - it cannot push
                await asyncio.sleep(0.1)

    async def draws_dashboard(self) -> None:
        """Wait until each query of the dashboard gives something to draw."""
        empty = {f"{panel['title']}: {one['expr']}": one["expr"] for panel in dashboard() for one in panel["targets"]}
        try:
            async with asyncio.timeout(15):
                while empty := {name: query for name, query in empty.items() if not await self._draws(query)}:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"nothing to draw: {list(empty)}") from None

    async def _draws(self, query: str) -> bool:
        answer = await self.get("/api/v1/query", query=query.replace("$session", ".*"))
        assert answer["status"] == "success", answer
        return any(one["value"][1] != "NaN" for one in answer["data"]["result"])

    async def firing(self) -> set[str]:
        """Alerts that fire; those that still wait for their time do not."""
        alerts = (await self.get("/api/v1/alerts"))["data"]["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    async def until(self, *alerts: str, fire: bool) -> None:
        """Wait until all of these fire, or none of them."""
        wanted = set(alerts) if fire else set()
        async with asyncio.timeout(30):
            while (await self.firing()) & set(alerts) != wanted:  # noqa: ASYNC110 - it cannot push
                await asyncio.sleep(0.1)

    async def only(self, *alerts: str) -> None:
        """Wait until these fire and no other."""
        async with asyncio.timeout(30):
            while await self.firing() != set(alerts):  # noqa: ASYNC110 - it cannot push
                await asyncio.sleep(0.1)


def dashboard() -> list[dict[str, Any]]:
    """The panels that are shipped for Grafana."""
    panels: list[dict[str, Any]] = json.loads((SHIPPED / "grafana/bridge.json").read_text())["panels"]
    return panels


@asynccontextmanager
async def scraping(folder: Path, jobs: Mapping[str, str], key: str | None = None) -> AsyncIterator[Prometheus]:
    """The shipped rules without their `for`, and those jobs of the shipped configuration, each at its URL."""
    rules = re.sub(r"for: \d+m", "for: 0s", (SHIPPED / "alerts.yml").read_text())
    (folder / "alerts.yml").write_text(rules)
    (folder / "key").write_text(key or "")
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "200ms"}
    config["scrape_configs"] = [one for one in config["scrape_configs"] if one["job_name"] in jobs]
    assert len(config["scrape_configs"]) == len(jobs)
    for one in config["scrape_configs"]:
        one["static_configs"] = [{"targets": [jobs[one["job_name"]].removeprefix("http://")]}]
        if key is not None:
            one["authorization"] = {"type": "Bearer", "credentials_file": str(folder / "key")}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    program = await asyncio.create_subprocess_exec(
        require_binary("prometheus", "prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with http_client(f"http://127.0.0.1:{port}", timeout=5) as client:
            await _is_up(client)
            yield Prometheus(client)
    finally:
        program.terminate()
        await program.wait()


async def _is_up(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                if (await client.get("/-/ready")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
