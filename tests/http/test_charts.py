"""What the panel's charts show outlives the bridge: for a day, and no longer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from bridge.metrics.charts import KEPT, MINUTE, Minute
from bridge.ports import ChartRow
from tests.http.conftest import ANA, HttpBridge


async def _day(side: HttpBridge) -> list[dict[str, Any]]:
    async with side.client() as client:
        answer = await client.get("/v1/sessions/haby/history?span=day")
        buckets: list[dict[str, Any]] = answer.json()["buckets"]
        return buckets


def _sum(buckets: list[dict[str, Any]], field: str) -> int:
    return sum(one[field] for one in buckets)


async def _receive_and_send(side: HttpBridge) -> None:
    side.phone.incoming(ANA, "uno")
    async with side.client() as client:
        await client.post("/v1/sessions/haby/sends?wait=5", json={"to": ANA, "message": "dos"})


async def test_charts_go_on_after_a_restart(started: HttpBridge) -> None:
    await _receive_and_send(started)
    await started.journalled(1)
    await started.stop()
    await started.start()
    started.phone.incoming(ANA, "tres")
    await started.journalled(2)
    buckets = await _day(started)
    assert (_sum(buckets, "received"), _sum(buckets, "sent")) == (2, 1)  # in one minute or in two
    assert any(one["send_ms"] is not None for one in buckets)


async def test_charts_lose_a_minute_at_most_when_the_bridge_is_killed(side: HttpBridge) -> None:
    side.limits = replace(side.limits, charts=0.02)
    await side.start()
    await _receive_and_send(side)
    await side.journalled(1)
    async with side.store() as store, asyncio.timeout(10):
        while not any(Minute.parse(row.counts).sent for row in await store.charts.minutes(0)):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)
    await side.kill()
    await side.start()
    assert _sum(await _day(side), "sent") == 1


async def test_old_and_broken_minutes_are_left_out_and_go(side: HttpBridge) -> None:
    now = int(side.clock.now()) // MINUTE
    counts = Minute(received=5).to_json()
    rows = [ChartRow("haby", now - 10, counts), ChartRow("haby", now - 11, "{"), ChartRow("haby", now - 12, '{"x": 1}')]
    rows += [ChartRow("haby", now - KEPT - 5, counts), ChartRow("haby", now + 50, counts)]
    async with side.store() as store:
        await store.charts.keep_minutes(rows, 0)
    await side.start()
    assert _sum(await _day(side), "received") == 5
    side.phone.incoming(ANA, "uno")
    await side.journalled(1)
    await side.stop()
    async with side.store() as store:
        kept = {row.minute for row in await store.charts.minutes(0)}
    assert now - KEPT - 5 not in kept
    assert now - 10 in kept
