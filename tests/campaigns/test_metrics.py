"""Metrics of the campaigns, scraped by a real Prometheus with the shipped configuration."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bridge.drivers.scripted.phone import SendMode
from tests.campaigns.conftest import ALWAYS, SECRET, CampaignsHarness, number
from tests.loopback import http_client
from tests.prometheus_server import scraping

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
LIST = b"telefono;nombre\n5491155500001;Ana\n541155500001;Ana\nx;Beto\n5491155500002;Caro\n"


async def exposed(url: str) -> tuple[str, dict[tuple[str, ...], float]]:
    """The text of /metrics, and each sample's value by its name and its labels."""
    async with http_client(url) as client:
        assert (await client.get("/metrics")).status_code == 401
        text = (await client.get("/metrics", headers={"x-api-key": SECRET})).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return text, {(one.name, *(one.labels[name] for name in sorted(one.labels))): one.value for one in samples}


async def test_recipients_messages_answers_and_rows_are_counted(harness: CampaignsHarness, tmp_path: Path) -> None:
    service = await harness.start()
    done = await harness.plan(3)
    await harness.act(done["id"], "start")
    await harness.reach(done["id"], state="done")
    harness.bridge.phone.incoming(f"{number(1)}@c.us", "¿Hasta cuándo?")
    harness.bridge.phone.incoming(f"{number(2)}@c.us", "Baja")
    await harness.bridge.journalled(2)
    await harness.read_up_to(2)
    harness.bridge.phone.send_mode = SendMode.REFUSED
    failing = await harness.plan(30, window=ALWAYS)
    await harness.act(failing["id"], "start")
    await harness.reach(failing["id"], state="stopped")
    await harness.plan(5)
    uploaded = await harness.call(
        "POST",
        "/lists",
        content=LIST,
        headers={"x-api-key": SECRET, "content-type": "application/octet-stream"},
    )
    assert uploaded.status_code == 201, uploaded.text
    text, samples = await exposed(service.url)
    assert samples["wa_campaigns_amiss",] == 0
    assert (samples["wa_campaigns", "haby", "draft"], samples["wa_campaigns", "haby", "stopped"]) == (1, 1)
    assert samples["wa_campaign_messages_total", "sent", "haby"] == 3
    failed = samples["wa_campaign_messages_total", "failed", "haby"]
    assert failed >= 20
    assert samples["wa_campaign_recipients", "haby", "failed"] == failed
    assert samples["wa_campaign_stops_total", "failure_rate", "haby"] == 1
    assert (
        samples["wa_campaign_answers_total", "answered", "haby"],
        samples["wa_campaign_answers_total", "opted_out", "haby"],
    ) == (1, 1)
    rows = [samples["wa_campaign_import_rows_total", outcome] for outcome in ("used", "duplicate", "wrong")]
    assert rows == [2, 1, 1]
    assert "5491155" not in text
    documented = set(re.findall(r"`(wa_[a-z_]+)`", OPERATIONS.read_text()))
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE wa_")} <= documented
    async with scraping(tmp_path, {"wa-campaigns": service.url}, SECRET) as prometheus:
        await prometheus.has("wa_campaign_messages_total", "wa_campaign_recipients", "wa_campaigns_amiss")
