"""A responder whose host has another time than the bridge's: it answers as if the clocks agreed, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.conftest import ANA, ScriptedBridge
from tests.clocks import ShiftedClock
from tests.mqtt.probe import mqtt_probe
from tests.responder.conftest import ResponderHarness
from tests.responder.test_flow import GREETING


@pytest.mark.parametrize(("shift", "text"), [(-1200, "1200 s ahead of"), (1200, "1200 s behind")])
async def test_twenty_minutes_between_the_hosts_change_no_answer(
    harness: ResponderHarness, tmp_path: Path, shift: float, text: str
) -> None:
    await harness.bridge.stop()
    settings = harness.bridge.settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    elsewhere = ScriptedBridge(settings, ShiftedClock(shift))
    await elsewhere.start(until=None)
    harness.bridge = elsewhere
    try:
        async with mqtt_probe(harness.broker.url("panel")) as probe:
            responder = await harness.start(wait=False)
            await harness.until(lambda: not responder.health.problems(), within=40)
            elsewhere.phone.incoming(ANA, "hola")
            assert await harness.answers(1) == [GREETING]
            await harness.until_rows("SELECT state FROM wa_turn", [("sent",)])
            event = await probe.wait("wa/responder/test/event")
            assert event["kind"] == "clock_differs"
            assert text in event["text"]
            assert (await responder.surface().whatsapp()).connected
    finally:
        await harness.stop()
        await elsewhere.stop()
