"""Monitoring: metrics that promtool accepts, and health checks that distinguish alive from ready."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from tests.client.conftest import ANA
from tests.loopback import http_client
from tests.parts import require_binary
from tests.prometheus_server import scraping
from tests.responder.conftest import ResponderHarness
from tests.responder.openai_server import OpenAiServer

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
DASHBOARD = Path(__file__).parents[2] / "deploy/monitoring/grafana/bridge.json"


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        yield server


async def exposed(url: str) -> tuple[str, dict[tuple[str, str], float]]:
    """The text of /metrics, and each sample's value by its name and its label."""
    async with http_client(url) as http:
        text = (await http.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return text, {(one.name, next(iter(one.labels.values()), "")): one.value for one in samples}


async def test_the_models_time_tokens_and_cost_are_counted(harness: ResponderHarness, server: OpenAiServer) -> None:
    server.script = [0.3, 400]
    responder = await harness.start(openai_api_key="clave-de-prueba", openai_base_url=server.url, price_in=1.0)
    harness.bridge.phone.incoming(ANA, "¿A qué hora abren?")
    await harness.answers(1)
    harness.bridge.phone.incoming(ANA, "¿Y los domingos?")
    await harness.until(lambda: responder.model is not None and responder.model.usage.failures == 1)
    text, samples = await exposed(responder.url)
    took = "wa_model_request_duration_seconds"
    assert [samples[f"{took}_bucket", bound] for bound in ("0.25", "60.0", "+Inf")] == [1, 2, 2]  # a refusal is fast
    assert samples[f"{took}_count", ""] == 2
    assert 0.3 <= samples[f"{took}_sum", ""] < 5
    assert samples["wa_model_requests_total", ""] == 2
    assert (samples["wa_model_answers_total", "answered"], samples["wa_model_answers_total", "failed"]) == (1, 1)
    assert (samples["wa_model_tokens_total", "in"], samples["wa_model_tokens_total", "out"]) == (100, 20)
    assert samples["wa_model_cost_total", ""] == pytest.approx(100 / 1_000_000)
    assert ANA.partition("@")[0] not in text
    charted = set(re.findall(r"\bwa_model_[a-z_]+", json.dumps(json.loads(DASHBOARD.read_text()))))
    assert charted <= {name for name, _ in samples}
    documented = set(re.findall(r"`(wa_[a-z_]+)`", OPERATIONS.read_text()))
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE wa_")} <= documented
    await promtool_agrees(text)


async def test_a_real_prometheus_scrapes_the_responder_and_its_alerts_fire(
    harness: ResponderHarness, server: OpenAiServer, tmp_path: Path
) -> None:
    key, refusals = "clave-del-responder", 4
    server.script = [400] * refusals
    responder = await harness.start(api_key=key, openai_api_key="clave-de-prueba", openai_base_url=server.url)
    async with scraping(tmp_path, {"wa-responder": responder.url}, key) as prometheus:
        await prometheus.has("wa_model_answers_total")
        assert await prometheus.firing() == set()
        for number in range(refusals):
            harness.bridge.phone.incoming(f"549115555001{number}@c.us", "¿A qué hora abren?")
        await prometheus.until("WaModelFails", fire=True)
        await harness.bridge.stop()
        await prometheus.until("WaResponderNotReady", fire=True)
        assert "WaResponderDown" not in await prometheus.firing()
        await harness.stop()
        await prometheus.until("WaResponderDown", fire=True)


async def promtool_agrees(text: str) -> None:
    """promtool checks the conventions for names, units and types."""
    program = await asyncio.create_subprocess_exec(
        *(require_binary("promtool", "prometheus"), "check", "metrics"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await program.communicate(text.encode())
    assert (program.returncode, output.decode()) == (0, "")


async def test_without_a_bridge_the_responder_is_alive_and_not_ready(harness: ResponderHarness) -> None:
    responder = await harness.start()
    async with http_client(responder.url) as http:
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready", "amiss": 0})
        await harness.bridge.stop()
        async with asyncio.timeout(20):
            while (ready := await http.get("/readyz")).status_code == 200:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.05)
        assert (ready.status_code, ready.json()) == (503, {"status": "not ready", "amiss": 1})
        assert (await http.get("/healthz")).json() == {"status": "alive"}
    _, samples = await exposed(responder.url)
    assert samples["wa_responder_amiss", ""] == 1
