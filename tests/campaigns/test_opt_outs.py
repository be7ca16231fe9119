"""A «baja» to the responder counts for campaigns, by the responder's own list and by what people write."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from responder.app import Responder
from responder.settings import load
from responder.transports import ResponderBroker
from tests.campaigns.conftest import CampaignsHarness, number


@pytest.mark.parametrize("secret", [None, "entre-los-servicios"])
async def test_who_opted_out_with_the_responder_is_left_out(
    harness: CampaignsHarness, tmp_path: Path, secret: str | None
) -> None:
    settings = load(data_dir=tmp_path / "responder", port=0, secret=secret)
    responder = Responder.load(settings, ResponderBroker(harness.broker.url("responder")))
    stop = asyncio.Event()

    async def run() -> None:
        async with responder.database:
            await responder.run(stop)

    running = asyncio.create_task(run(), name="responder under test")
    try:
        await harness.until(lambda: not responder.health.problems())
        harness.bridge.phone.incoming(f"{number(1)}@c.us", "Baja")
        service = await harness.start(responder_url=responder.url, responder_secret=secret)
        async with asyncio.timeout(20):
            while True:
                if f"{number(1)}@c.us" in await service._responder.opted_out():
                    break
                await asyncio.sleep(0.1)
        await harness.read_up_to(1)
        # as if the service had never read that message: only the responder knows
        await service.people.opt_in(number(1))
        view = await harness.plan(3)
        assert (view["planned"], view["skipped_by"]) == (2, {"opted_out": 1})
        [one] = (await harness.call("GET", "/opt-outs")).json()["opt_outs"]
        assert (one["to"], one["source"]) == (number(1), "responder")
    finally:
        stop.set()
        await running
        responder.close()
