"""The configuration that mosquitto/ ships: its roles, and what it keeps when the broker is killed.

mosquitto grants a denied SUBSCRIBE and acknowledges a denied PUBLISH, so that only what arrives is evidence.
"""

from __future__ import annotations

import asyncio

import pytest

from bridge.broker import connect
from bridge.contract.topics import Topics
from tests.broker.conftest import Options, read
from tests.mosquitto_server import SHIPPED, MosquittoServer, shipped_configuration

MAY_PUBLISH = {
    "bridge": {"in", "event", "result", "ack", "status", "qr", "out", "out/5491155500001", "control", "replay"},
    "reader": {"replay"},
    "sender": {"out", "out/5491155500001"},
    "responder": {"out", "replay"},
    "admin": {"out", "out/5491155500001", "replay", "control"},
}
MAY_READ = {
    "bridge": {"in", "event", "result", "ack", "status", "qr", "out", "out/5491155500001", "control", "replay"},
    "reader": {"in", "event", "result", "ack", "status", "replay/reader", "reply/reader"},
    "sender": {"result", "ack", "status", "replay/sender", "reply/sender"},
    "responder": {"in", "event", "result", "ack", "status", "replay/responder", "reply/responder"},
    "admin": {"in", "event", "result", "ack", "status", "qr", "out", "out/5491155500001", "control", "replay"},
}
EVERYTHING = {
    *MAY_READ["bridge"],
    *(f"{leaf}/{user}" for leaf in ("replay", "reply") for user in ("reader", "sender", "responder")),
}


@pytest.mark.parametrize("user", sorted(MAY_PUBLISH))
async def test_a_role_publishes_what_it_may_and_no_more(
    mosquitto: MosquittoServer, options: Options, user: str
) -> None:
    async with connect(options()) as watcher, connect(options(mosquitto.url(user))) as publisher:
        await watcher.subscribe("wa/#")
        for tail in sorted(EVERYTHING):
            await publisher.publish(f"wa/haby/{tail}", "x")
        await watcher.publish("wa/end", "x")
        arrived: set[str] = set()
        while "wa/end" not in arrived:
            arrived |= {delivery.topic for delivery in await read(watcher, 1)}
    expected = EVERYTHING if user == "bridge" else MAY_PUBLISH[user]
    assert {topic.removeprefix("wa/haby/") for topic in arrived - {"wa/end"}} == expected


@pytest.mark.parametrize("user", sorted(MAY_READ))
async def test_a_role_reads_what_it_may_and_no_more(mosquitto: MosquittoServer, options: Options, user: str) -> None:
    own_end = f"wa/haby/reply/{user}" if user not in ("bridge", "admin") else "wa/end"
    async with connect(options()) as bridge, connect(options(mosquitto.url(user))) as reader:
        await reader.subscribe("wa/#")
        for tail in sorted(EVERYTHING - {f"reply/{user}"}):
            await bridge.publish(f"wa/haby/{tail}", "x")
        await bridge.publish(own_end, "x")
        arrived: set[str] = set()
        while own_end not in arrived:
            arrived |= {delivery.topic for delivery in await read(reader, 1)}
    expected = EVERYTHING if user in ("bridge", "admin") else MAY_READ[user]
    assert {topic.removeprefix("wa/haby/") for topic in arrived - {"wa/end"}} == expected


async def test_the_roles_fit_the_contracts_topics() -> None:
    acl = (SHIPPED / "acl").read_text()
    topics = Topics()
    for topic in (topics.inbound("+"), topics.out("+"), topics.control("+"), topics.status("+"), topics.result("+")):
        assert f" {topic}\n" in acl


async def test_messages_for_a_reader_that_is_away_survive_a_clean_restart(
    mosquitto: MosquittoServer, options: Options
) -> None:
    mine = options(client_id="reader", clean=False)
    async with connect(mine) as reader:
        await reader.subscribe("wa/haby/in")
    async with connect(options()) as bridge:  # more than the 1000 that mosquitto queues by default
        await asyncio.gather(*(bridge.publish("wa/haby/in", str(number)) for number in range(1500)))
    mosquitto.restart()
    async with connect(mine) as reader:
        assert [int(item.payload) for item in await read(reader, 1500, within=20)] == list(range(1500))


async def test_at_most_the_last_ten_changes_are_lost_to_a_kill(mosquitto: MosquittoServer, options: Options) -> None:
    mine = options(client_id="reader", clean=False)
    async with connect(mine) as reader:
        await reader.subscribe("wa/haby/in")
    async with connect(options()) as bridge:
        for number in range(100):
            await bridge.publish("wa/haby/in", str(number))
    mosquitto.kill()
    mosquitto.start()
    async with connect(mine) as reader, connect(options()) as bridge:
        await bridge.publish("wa/haby/in", "end")
        kept: list[bytes] = []
        while b"end" not in kept:
            kept += [delivery.payload for delivery in await read(reader, 1)]
    assert kept[:90] == [str(number).encode() for number in range(90)]


def test_an_option_that_the_shipped_file_does_not_hold_once_is_noticed() -> None:
    with pytest.raises(ValueError, match="unpack"):
        shipped_configuration({"no_such_option": "1"})
