"""Requests and content from Python."""

from __future__ import annotations

import pytest

from bridge.client import CodedError, InvalidRequest
from bridge.contract.jid import Jid
from bridge.contract.kinds import KINDS
from bridge.contract.kinds.contacts import ContactCard, Contacts
from bridge.contract.kinds.location import Location
from tests.client.conftest import ANA, Connect, ScriptedBridge
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import mqtt_probe


async def test_a_request_returns_its_response(harness: ScriptedBridge, client: Connect) -> None:
    harness.phone.chats = {Jid.parse(ANA)}
    await harness.start()
    async with client("admin") as connected:
        response = await connected.request("haby", "typing", {"to": ANA, "seconds": 20})
    assert (response.action, response.status, response.error) == ("typing", "done", None)
    assert harness.phone.typing == {Jid.parse(ANA)}


async def test_a_request_that_changes_something_is_published_once(
    harness: ScriptedBridge, client: Connect, mosquitto: MosquittoServer
) -> None:
    harness.phone.chats = {Jid.parse(ANA)}
    await harness.start()
    async with mqtt_probe(mosquitto.url("admin")) as probe, client("admin") as connected:
        await connected.request("haby", "chats.mute", {"chat": ANA, "on": True})
        await connected.request("haby", "typing", {"to": ANA})
        await probe.wait("wa/haby/request", lambda request: request["action"] == "typing")
        assert [request["action"] for request in probe.on("wa/haby/request")] == ["chats.mute", "typing"]


async def test_a_wrong_request_is_refused_before_it_is_published(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    async with client("admin") as connected:
        with pytest.raises(InvalidRequest, match="to is missing"):
            await connected.request("haby", "typing")
        with pytest.raises(CodedError, match="There is no action"):
            await connected.request("haby", "coins.toss")


async def test_content_of_other_kinds_is_sent(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    place = Location(latitude=-34.6037, longitude=-58.3816, name="Obelisco")
    cards = Contacts([ContactCard(name="Ana", phone="5491155500001")])
    async with client("admin") as connected:
        results = [await connected.send("haby", ANA, content) for content in (place, cards)]
        status = await connected.status("haby")
    assert [str(result.status) for result in results] == ["sent", "sent"]
    assert [sent.content.as_field() for sent in harness.phone.sent] == [place.as_field(), cards.as_field()]
    assert status.sends == [kind.field for kind in KINDS]
