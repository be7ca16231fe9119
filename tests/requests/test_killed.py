"""The bridge's process is killed while WhatsApp adds twenty people to a group: each is in it once, or said unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.contract.session import SessionState
from bridge.sandbox import Sandbox
from bridge.sandbox.records import Contact, TransmissionMode
from bridge.sandbox.world import World
from tests.deploy.bridge_process import bridge_process
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import MqttProbe, mqtt_probe
from tests.parts import require_binary

PEOPLE = [f"549115552{number:04}" for number in range(20)]
REQUEST, RESPONSE = "wa/haby/request", "wa/haby/response"


def set_mode(world: World, mode: TransmissionMode) -> None:
    world.configure(world.state.settings.model_copy(update={"send_mode": mode}))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the sandbox's lists have no event
            await asyncio.sleep(0.01)


async def response(probe: MqttProbe, request_id: str) -> dict[str, Any]:
    return (await responses(probe, request_id, 1))[0]


async def responses(probe: MqttProbe, request_id: str, number: int) -> list[dict[str, Any]]:
    """Wait for this number of responses to one request; others may come between them."""
    async with asyncio.timeout(60):
        while len(found := [one for one in probe.on(RESPONSE) if one["id"] == request_id]) < number:
            await probe.count(RESPONSE, len(probe.on(RESPONSE)) + 1, within=60)
    return found


async def test_each_person_is_added_once_or_said_unknown(tmp_path: Path) -> None:
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    async with Sandbox("localhost", 0, auto_scan=True) as sandbox:
        world = sandbox.world
        for number in PEOPLE:
            world.directory.add_contact(Contact(pn=f"{number}@c.us", name=f"Vecina {number[-2:]}"))
        groups = [world.groups.create(name, [f"{PEOPLE[0]}@c.us"])[0] for name in ("Done", "Not done")]
        added = [{"action": "groups.add", "id": one.name, "group": one.id, "people": PEOPLE} for one in groups]
        with MosquittoServer(tmp_path / "mosquitto") as broker:
            environment = {"WA_WEB_URL": sandbox.url, "WA_MQTT_URL": broker.url("bridge"), "WA_HTTP_PORT": "off"}
            async with bridge_process(tmp_path, **environment) as bridge, mqtt_probe(broker.url("admin")) as probe:
                await probe.state(SessionState.CONNECTED, within=60)
                set_mode(world, TransmissionMode.LOSE_ANSWER)  # the service adds them and the answer is lost
                await probe.publish(REQUEST, added[0])
                await until(lambda: len(groups[0].participants) == len(PEOPLE))
                set_mode(world, TransmissionMode.HOLD)  # the request never gets there
                await probe.publish(REQUEST, added[1])
                await asyncio.sleep(1)  # it is on its way into the page: nothing shows that
                bridge.kill()
                await bridge.wait()
            set_mode(world, TransmissionMode.NORMAL)
            async with bridge_process(tmp_path, **environment), mqtt_probe(broker.url("admin")) as probe:
                for request, status in zip(added, ("done", "unknown"), strict=True):
                    found = await response(probe, str(request["id"]))
                    assert (found["status"], found["error"]["code"]) == ("unknown", "in_doubt")
                    people = found["data"]["people"]
                    assert [one["to"] for one in people] == [f"{number}@c.us" for number in PEOPLE]
                    assert [one["status"] for one in people] == ["done", *[status] * 19]
                    assert all(one["person"] for one in people)
                    await probe.publish(REQUEST, request)
                    assert await responses(probe, str(request["id"]), 2) == [found] * 2, "one id, one response"
                assert len(groups[1].participants) == 1
                await probe.publish(REQUEST, {**added[1], "id": "again"})
                again = await response(probe, "again")
                assert again["status"] == "done"
                assert [one["status"] for one in again["data"]["people"]] == ["done"] * 20
        for group in groups:
            assert sorted(group.participants) == [f"{number}@c.us" for number in PEOPLE]
        asked = [fields["group"] for kind, fields in world.groups.received if kind == "add"]
        assert asked == [one.id for one in groups], "the service was asked once for each"
