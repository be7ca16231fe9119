"""The probes on real brokers: what each can do, and what the operator reads. RabbitMQ: tests/cluster/test_rabbitmq."""

from __future__ import annotations

from pathlib import Path

from bridge.broker import BrokerOptions, connect, parse_addresses
from bridge.contract.topics import Topics
from bridge.ops.doctor import broker_probes
from bridge.ops.doctor.silent_client import connect_packet
from bridge.ops.private_broker import private_broker
from tests.mosquitto_server import MosquittoServer
from tests.nats_cluster import NatsCluster

#: The beginning of each probe's finding: retained, shared, packets, absent reader, keep-alive.
GOOD = [
    "Retained messages come",
    "Shared subscriptions ($share) deliver.",
    "A message of 1,000,000 bytes arrives.",
    "A session is kept",
    "A silent client with a keep-alive of 2 s is ended after",
]


async def probed(url: str) -> list[tuple[str, str]]:
    """Level and text of each finding, without the address."""
    options = BrokerOptions(parse_addresses(url), client_id="wa-doctor", clean=True, connect_timeout=10)
    found = [finding async for finding in broker_probes.probes(options, Topics(), "haby")]
    return [(str(finding.level), finding.what.partition(": ")[2]) for finding in found]


async def left_at(url: str) -> list[str]:
    """Topics that still have a retained message."""
    options = BrokerOptions(parse_addresses(url), client_id="observer", clean=True)
    async with connect(options) as connection:
        await connection.subscribe("wa/#")
        return [delivery.topic for delivery in await broker_probes.received(connection, lambda _: True, 1)]


async def test_mosquitto_can_do_everything_and_keeps_nothing_of_the_probes(tmp_path: Path) -> None:
    with MosquittoServer(tmp_path / "mosquitto") as server:
        found = await probed(server.url("bridge"))
        assert [level for level, _ in found] == ["ok"] * 5
        assert all(text.startswith(good) for (_, text), good in zip(found, GOOD, strict=True)), found
        assert await left_at(server.url("bridge")) == []


async def test_a_packet_limit_and_queues_that_lose_are_found(tmp_path: Path) -> None:
    poor = "max_queued_messages 5\nmax_inflight_messages 1\nmessage_size_limit 150000\n"
    with MosquittoServer(tmp_path / "mosquitto") as server:
        server.stop()
        file = tmp_path / "mosquitto" / "mosquitto.conf"
        text = file.read_text()
        for line in ("max_queued_messages 100000", "max_inflight_messages 20"):
            assert line in text
            text = text.replace(line, "")
        server._configuration = lambda: text + poor  # type: ignore[method-assign]
        server.start()
        found = await probed(server.url("bridge"))
    assert [level for level, _ in found] == ["ok", "ok", "warning", "warning", "ok"]
    assert "A message of 100,000 bytes is the largest that arrives." in found[2][1]
    assert "of 20 messages are lost" in found[3][1]


async def test_amqtt_is_poor_and_the_probes_say_so(tmp_path: Path) -> None:
    async with private_broker(tmp_path, binary=None) as broker:
        found = await probed(broker.address.reveal())
    warned = [text for level, text in found if level == "warning"]
    assert "A shared subscription ($share) is granted and delivers nothing." in warned
    assert any("still connected after" in text for text in warned)


async def test_a_cluster_keeps_retained_messages_and_sessions_on_every_node(tmp_path: Path) -> None:
    with NatsCluster(tmp_path) as cluster:
        found = await probed(",".join(cluster.url("bridge").split(",")[:2]))
        assert await left_at(cluster.url("bridge")) == []
    assert len(found) == 10  # each address against the next one
    assert [level for level, _ in found[:5]] == ["ok", "warning", "ok", "ok", "ok"]
    assert found[0][1].startswith("Retained messages come on mqtt://")
    assert "is refused" in found[1][1]  # by the ACL; without one it is granted and delivers nothing


def test_the_silent_client_speaks_mqtt_3_1_1() -> None:
    packet = connect_packet("c", "u", "p", 2)
    assert packet == b"\x10\x13\x00\x04MQTT\x04\xc2\x00\x02\x00\x01c\x00\x01u\x00\x01p"
    assert connect_packet("x" * 200, "", "", 2)[:3] == b"\x10\xd4\x01"
