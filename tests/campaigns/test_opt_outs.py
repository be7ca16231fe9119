"""A «baja» to the responder counts for campaigns, by the responder's own list and by what people write."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import delete

from campaigns.store.schema import opt_outs
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
                if f"{number(1)}@c.us" in (await service._responder.opted_out() or []):
                    break
                await asyncio.sleep(0.1)
        await harness.read_up_to(1)
        # as if the service had never read that message: only the responder knows
        async with service.database.write() as connection:
            await connection.execute(delete(opt_outs))
        view = await harness.plan(3)
        assert (view["planned"], view["skipped_by"]) == (2, {"opted_out": 1})
        [one] = (await harness.call("GET", "/opt-outs")).json()["opt_outs"]
        assert (one["to"], one["source"]) == (number(1), "responder")
        # taken off the list by a person: the responder, which still has it, does not bring it back
        assert (await harness.call("DELETE", f"/opt-outs/{number(1)}")).status_code == 204
        assert (await harness.plan(3))["skipped_by"] == {}
        harness.bridge.phone.incoming(f"{number(1)}@c.us", "Baja")
        await harness.read_up_to(2)
        assert (await harness.plan(3))["skipped_by"] == {"opted_out": 1}
    finally:
        stop.set()
        await running
        responder.close()
