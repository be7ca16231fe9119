"""After the page was loaded again: who is followed stays followed, and marks that changed meanwhile are events."""

from __future__ import annotations

import asyncio

from bridge.contract.session import SessionState
from bridge.sandbox.records import Contact
from tests.mqtt.probe import MqttProbe
from tests.requests.conftest import RunningBridge

EVENT = "wa/haby/event"
FOLLOWED, ARCHIVED, READ = "5491155580001@c.us", "5491155580002@c.us", "5491155580003@c.us"


async def test_subscriptions_and_marks_survive_a_reload(running: RunningBridge, probe: MqttProbe) -> None:
    world = running.world
    for address in (FOLLOWED, ARCHIVED, READ):
        world.directory.add_contact(Contact(pn=address, name=f"Persona {address[9:13]}"))
        world.incoming(address, "Hola")
    await probe.wait("wa/haby/in", lambda one: one["chat"] == READ)
    session = running.bridge.hosts[0].session
    assert session is not None
    async with asyncio.timeout(10):
        while session._marks._known is None:  # noqa: ASYNC110 - the first look after the start only remembers
            await asyncio.sleep(0.05)
    followed = await running.ask("contacts.subscribe", contact=FOLLOWED, seconds=600)
    assert followed["status"] == "done"
    world.account.be(FOLLOWED, "available")
    await probe.wait(EVENT, lambda one: (one["kind"], one["chat"]) == ("presence", FOLLOWED))
    seen = len(probe.on("wa/haby/status"))
    world.set_link(up=False)
    await probe.state(SessionState.RECONNECTING)
    world.faults.reload()
    world.account.mark(ARCHIVED, archived=True)
    world.mark_seen(READ)
    world.set_link(up=True)
    await probe.wait(
        "wa/haby/status",
        lambda one: one in probe.on("wa/haby/status")[seen:] and one["state"] == "connected",
        within=30,
    )
    archived = await probe.wait(EVENT, lambda one: (one["kind"], one["chat"]) == ("chat", ARCHIVED), within=20)
    assert archived["archived"] is True
    read = await probe.wait(EVENT, lambda one: (one["kind"], one["chat"]) == ("chat", READ))
    assert read["read"] is True
    world.account.be(FOLLOWED, "typing")
    await probe.wait(EVENT, lambda one: one.get("presence") == "typing" and one["chat"] == FOLLOWED)
    assert (await running.ask("contacts.subscribe", contact=FOLLOWED, seconds=0))["status"] == "done"
