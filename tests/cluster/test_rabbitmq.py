"""RabbitMQ delivers retained messages to exact subscriptions only: statuses and switches are asked by name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.broker import BrokerOptions, parse_addresses
from bridge.broker import connect as connect_broker
from bridge.client import NoBridge, connect
from bridge.client.served_sessions import ServedSessions
from bridge.contract.bot import BotConfig
from bridge.contract.session_changes import BridgeAction
from bridge.contract.topics import Topics
from bridge.mqtt.bot_switches import RetainedSwitches
from bridge.ops.doctor import broker_probes
from bridge.settings import load
from tests.client.conftest import ANA, TIMEOUT, ScriptedBridge
from tests.forked import run_forked
from tests.rabbitmq_server import RabbitMqServer


@pytest.fixture
def rabbitmq(tmp_path: Path) -> Iterator[RabbitMqServer]:
    with RabbitMqServer(tmp_path / "rabbitmq") as server:
        yield server


async def test_the_main_job_and_the_operator_s_commands_on_rabbitmq(rabbitmq: RabbitMqServer, tmp_path: Path) -> None:
    """One test: the broker takes ten seconds to start."""
    harness = ScriptedBridge(load(addresses=rabbitmq.url, data_dir=tmp_path / "data", pace="off", instance="test"))
    await harness.start()
    try:
        async with asyncio.timeout(60), connect(rabbitmq.url, name="test") as client:
            with pytest.raises(NoBridge):
                await client.statuses()  # what a wildcard brings
            [status] = await client.statuses(["haby"])
            assert status.state == "connected"
        async with asyncio.timeout(60), connect(rabbitmq.url, name="test") as client:
            assert (await client.status("haby")).state == "connected"
            assert (await client.send("haby", ANA, "Hola")).status == "sent"
            harness.phone.incoming(ANA, "buenas")
            async for message in client.messages("haby", after=None):
                assert (message.body, message.seq) == ("buenas", 1)
                break
        await wa_shows_the_session(rabbitmq.url, tmp_path)
        await a_session_that_is_added_is_served(harness, rabbitmq.url)
        await a_switch_is_known_at_once(rabbitmq.url)
        await the_probes_say_what_it_cannot(rabbitmq.url)
    finally:
        await harness.stop()


async def wa_shows_the_session(url: str, folder: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    environment = kept | {"WA_MQTT_URL": url, "WA_DATA_DIR": str(folder / "other")}
    done = await run_forked(["status"], environment, folder, limit=40)
    assert (done.code, "connected" in done.out) == (0, True), done


async def a_session_that_is_added_is_served(harness: ScriptedBridge, url: str) -> None:
    """By the bridge's status, which comes live; the retained one does not."""
    async with asyncio.timeout(60), connect(url, name="test") as client:
        following = ServedSessions(["haby"]).follow(client)
        assert await anext(following) == ("haby",)
        adding = asyncio.create_task(harness.change(BridgeAction.ADD_SESSION, "otra", 52))
        assert await anext(following) == ("haby", "otra")
        await adding


async def a_switch_is_known_at_once(url: str) -> None:
    options = BrokerOptions(parse_addresses(url), client_id="switches", clean=True)
    config = BotConfig.model_validate({"cliente_id": 51, "bot_activo": 0, "updated_at": "2026-11-29T00:00:00.000Z"})
    async with connect_broker(options) as connection:
        await connection.publish(Topics().bot_config(51), config.model_dump_json(), retain=True)
    switches = RetainedSwitches(options, Topics(), [51])
    following = asyncio.create_task(switches.run())
    try:
        async with asyncio.timeout(TIMEOUT), switches._changed:
            await switches._changed.wait_for(lambda: switches.config(51) is not None)
    finally:
        following.cancel()
        await asyncio.wait([following])


async def the_probes_say_what_it_cannot(url: str) -> None:
    options = BrokerOptions(parse_addresses(url), client_id="wa-doctor", clean=True)
    [address] = options.addresses
    broker = broker_probes.ProbedBroker(options, address, address, Topics(), "haby")
    probes = (broker_probes.retained, broker_probes.shared, broker_probes.absent_reader)
    found = [finding.what for finding in await asyncio.gather(*(probe(broker) for probe in probes))]
    assert "exact topics only" in found[0]
    assert "granted and delivers nothing" in found[1]
    assert "A session is kept" in found[2]
