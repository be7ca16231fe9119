"""The commands find the private broker of `wa up` by its file, with either implementation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.ops.private_broker import private_broker
from bridge.settings import load
from tests.cli.conftest import ScriptedBridge, StartCommand, Wa


@pytest.mark.parametrize("binary", ["mosquitto", None], ids=["mosquitto", "amqtt"])
async def test_send_listen_and_status(wa: Wa, start: StartCommand, tmp_path: Path, binary: str | None) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    async with private_broker(data_dir, binary=binary) as broker:
        harness = ScriptedBridge(
            load(addresses=broker.address.reveal(), data_dir=data_dir, pace="off", instance="test")
        )
        await harness.start()
        try:
            harness.phone.incoming("5491155500001@c.us", "Hola")
            listening = await start("listen", "--all", "--json", WA_MQTT_URL="")
            assert listening.stdout is not None
            assert json.loads(await listening.stdout.readline())["body"] == "Hola"
            sent = await wa("send", "5491155500001", "Buenas", "--timeout", "15", WA_MQTT_URL="")
            assert (sent.code, sent.err) == (0, "")
            shown = await wa("status", WA_MQTT_URL="")
            assert shown.code == 0
            harness.phone.incoming("5491155500001@c.us", "Chau")
            assert json.loads(await listening.stdout.readline())["body"] == "Chau"
            listening.kill()
            await listening.wait()
        finally:
            await harness.stop()
