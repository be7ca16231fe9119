"""A real Prometheus on the shipped configuration and rules, made impatient: it scrapes five times a second."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml  # type: ignore[import-untyped]

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

    async def firing(self) -> set[str]:
        """Alerts."""
        return {one["labels"]["alertname"] for one in (await self.get("/api/v1/alerts"))["data"]["alerts"]}

    async def until(self, alert: str, *, fires: bool) -> None:
        async with asyncio.timeout(15):
            while (alert in await self.firing()) is not fires:  # noqa: ASYNC110 - it cannot push
                await asyncio.sleep(0.1)


@asynccontextmanager
async def scraping(folder: Path, job: str, url: str, key: str) -> AsyncIterator[Prometheus]:
    """The shipped rules without their `for`, and one job of the shipped configuration, at `url` with a key."""
    rules = re.sub(r"for: \d+m", "for: 0s", (SHIPPED / "alerts.yml").read_text())
    (folder / "alerts.yml").write_text(rules)
    (folder / "key").write_text(key)
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"}
    (chosen,) = [one for one in config["scrape_configs"] if one["job_name"] == job]
    chosen["static_configs"] = [{"targets": [url.removeprefix("http://")]}]
    chosen["authorization"] = {"type": "Bearer", "credentials_file": str(folder / "key")}
    config["scrape_configs"] = [chosen]
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
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=5) as client:
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
