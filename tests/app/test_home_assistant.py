"""Home Assistant's devices on a real mosquitto with the shipped ACL: announced, announced again, removed, used."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.app.clock import SystemClock
from bridge.broker import BrokerOptions, parse_addresses
from bridge.contract.session import Reason, SessionState, Situation
from bridge.contract.topics import DiscoveryTopics, Topics
from bridge.core.session_view import SessionView
from bridge.home_assistant import HomeAssistantPresence, Installation, RetainedTopics
from bridge.settings import BridgeSettings, load
from tests.app.conftest import BridgeUnderTest
from tests.home_assistant.test_discovery import rendered
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import MqttProbe, mqtt_probe

HABY, OTRA = "homeassistant/device/wa_haby/config", "homeassistant/device/wa_otra/config"
PICTURE = "wa/haby/qr/png"


def settings(folder: Path, **more: str) -> BridgeSettings:
    given = {"WA_SESSIONS": "haby=51,otra=52", "WA_PACE": "off", "WA_INSTANCE": "test", "WA_HTTP_PORT": "off"}
    shown = {"WA_HA": "on", "WA_HA_NOTIFY": "Ana=5491155500001,Casa=120363000000000001@g.us"}
    return load(WA_DATA_DIR=folder / "data", **{**given, **shown, **more})


@pytest.fixture
async def world(tmp_path: Path, mosquitto: MosquittoServer) -> AsyncIterator[BridgeUnderTest]:
    world = BridgeUnderTest(settings(tmp_path), mosquitto.url("bridge"))
    world.limits = world.limits.__class__(retry=0.3, mqtt=world.limits.mqtt, birth=0.0)
    try:
        yield world
    finally:
        await world.stop()


@pytest.fixture
async def home(mosquitto: MosquittoServer) -> AsyncIterator[MqttProbe]:
    """What Home Assistant's own user sees."""
    async with mqtt_probe(mosquitto.url("homeassistant")) as probe:
        yield probe


async def retained(mosquitto: MosquittoServer) -> dict[str, bytes]:
    """The retained topics that Home Assistant sees when it connects."""
    async with mqtt_probe(mosquitto.url("homeassistant")) as probe:
        await asyncio.sleep(0)  # the probe's own subscription goes first
        await probe.connection.subscribe("homeassistant/status")
        await probe.publish("homeassistant/status", "end")
        await probe.wait("homeassistant/status")
        return {delivery.topic: delivery.payload for delivery in probe.received if delivery.retain}


async def test_sessions_are_found_found_again_at_a_birth_and_removed(
    world: BridgeUnderTest, home: MqttProbe, mosquitto: MosquittoServer, tmp_path: Path
) -> None:
    await world.start(haby=SessionState.CONNECTED, otra=SessionState.CONNECTED)
    device = await home.wait(HABY)
    assert device["components"]["notify_ana"]["command_topic"] == "wa/haby/out"
    assert (await home.wait(OTRA))["device"]["identifiers"] == ["wa_otra"]
    assert {HABY, OTRA} <= (await retained(mosquitto)).keys()

    # Home Assistant starts; its end and its retained words are no birth
    await home.publish("homeassistant/status", "offline")
    await home.publish("homeassistant/status", "online")
    assert await home.count(HABY, 2) == [device, device]

    # a session that is no longer configured
    await world.stop()
    world.settings = settings(tmp_path, WA_SESSIONS="otra=52")
    await world.start(otra=SessionState.CONNECTED)
    await home.wait(HABY, lambda payload: payload == b"")
    assert HABY not in (found := await retained(mosquitto))
    assert OTRA in found

    # switched off
    await world.stop()
    world.settings = settings(tmp_path, WA_HA="off", WA_SESSIONS="otra=52")
    await world.start(otra=SessionState.CONNECTED)
    await home.wait(OTRA, lambda payload: payload == b"")
    await world.until(lambda: not (tmp_path / "data" / "home_assistant.json").exists())
    assert not [topic for topic in await retained(mosquitto) if topic.startswith("homeassistant/")]
    published = len(home.on(OTRA))
    await home.publish("homeassistant/status", "online")
    await home.wait("homeassistant/status", lambda payload: payload == b"online")
    await asyncio.sleep(0.2)
    assert len(home.on(OTRA)) == published


async def test_a_notification_reaches_the_phone_and_an_impossible_one_is_an_event(
    world: BridgeUnderTest, home: MqttProbe
) -> None:
    await world.start(haby=SessionState.CONNECTED)
    # published after the subscription to commands: before the first one, a broker keeps none for the bridge
    await home.wait("wa/haby/status", lambda status: status["state"] == "connected")
    text = 'She said "hi"\nit\'s {{ 1 }} \\ ñ 😀'
    await home.publish("wa/haby/out", rendered("notify_ana", None, "command_template", value=text))
    sent = await home.wait("wa/haby/result", lambda result: result["status"] == "sent")
    assert [(str(message.key.remote), message.text) for message in world.phones["haby"].sent] == [(sent["to"], text)]
    assert json.loads(rendered("sent", sent))["event_type"] == "sent"

    await home.publish("wa/haby/out", rendered("notify_ana", None, "command_template", value=""))
    failed = await home.wait("wa/haby/result", lambda result: result["status"] == "failed")
    assert json.loads(rendered("sent", failed))["code"] == "invalid"

    world.phones["haby"].incoming("5491155500001@c.us", text)
    event = json.loads(rendered("message", await home.wait("wa/haby/in")))
    assert (event["event_type"], event["body"]) == ("text", text)


async def test_the_pairing_code_is_a_picture_until_the_phone_is_paired(
    world: BridgeUnderTest, home: MqttProbe, mosquitto: MosquittoServer
) -> None:
    phone = world.phones["haby"]
    phone.log_out()
    await world.start(haby=SessionState.PAIRING)
    picture = await home.wait(PICTURE, lambda payload: payload[:8] == b"\x89PNG\r\n\x1a\n")
    assert picture == (await retained(mosquitto))[PICTURE]
    phone.pair()
    async with asyncio.timeout(10):
        while PICTURE in await retained(mosquitto):  # noqa: ASYNC110 - the retained state itself is what is asked
            await asyncio.sleep(0.05)


async def test_a_stopped_bridge_leaves_the_device_and_no_code(
    world: BridgeUnderTest, home: MqttProbe, mosquitto: MosquittoServer
) -> None:
    world.phones["haby"].log_out()
    await world.start(haby=SessionState.PAIRING)
    await home.wait(PICTURE, lambda payload: payload != b"")
    await world.stop()
    found = await retained(mosquitto)
    assert HABY in found
    assert PICTURE not in found
    assert rendered("connected", json.loads(found["wa/haby/status"])) == "OFF"


async def test_a_session_that_another_bridge_owns_is_not_cleared_when_it_is_removed_here(
    tmp_path: Path, mosquitto: MosquittoServer, home: MqttProbe
) -> None:
    view, shown, stopping = SessionView("haby", SystemClock()), {"haby"}, asyncio.Event()
    looks = 0

    def sessions() -> dict[str, SessionView]:
        nonlocal looks
        looks += 1
        return dict.fromkeys(shown, view)

    async def has_looked() -> None:
        before = looks
        async with asyncio.timeout(10):
            while looks < before + 2:  # noqa: ASYNC110 - a look raises no event
                await asyncio.sleep(0.01)

    options = BrokerOptions(parse_addresses(mosquitto.url("bridge")), client_id="ha", clean=True)
    record = RetainedTopics(tmp_path / "home_assistant.json")
    presence = HomeAssistantPresence(
        *(options, DiscoveryTopics(), Installation(Topics("wa"), "0.1.0"), sessions, record),
        stopping=stopping,
        interval=0.01,
        pause=0.0,
    )
    running = asyncio.create_task(presence.run())
    await home.wait(HABY)
    view.set(Situation(SessionState.STANDBY, Reason.OWNED_ELSEWHERE))  # its owner has published the same by now
    await has_looked()
    shown.clear()
    await has_looked()
    stopping.set()
    await running
    assert HABY in await retained(mosquitto)


def test_nothing_of_it_is_loaded_where_it_is_off() -> None:
    program = (
        "import asyncio, sys, bridge.cli.run, bridge.app, bridge.app.home_assistant as it\n"
        "from bridge.settings import load\n"
        "from bridge.app import BridgeLimits\n"
        "asyncio.run(it.serve_home_assistant(load(WA_DATA_DIR='/nowhere'), list, None, '', asyncio.Event(),"
        " BridgeLimits()))\n"
        "print([name for name in sys.modules if name.split('.')[:2] == ['bridge', 'home_assistant']])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
