"""The session on a real NATS cluster: it survives a node, and the roles are those of mosquitto's ACL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.broker import BrokerConnection, BrokerOptions, BrokerRefused, connect, parse_addresses
from bridge.contract.topics import Topics
from scripts.nats_accounts import accounts_text, subjects
from tests.cluster.trial import cluster_trial
from tests.nats_cluster import SHIPPED, NatsCluster


@pytest.mark.timeout(150)
async def test_a_session_survives_a_node_and_nothing_is_lost_or_twice(tmp_path: Path) -> None:
    """The third node, which holds copies and no connection. `make cluster` kills every one."""
    with NatsCluster(tmp_path) as cluster:
        async with cluster_trial(cluster, tmp_path / "data") as trial:
            await asyncio.sleep(1)
            await trial.kill(cluster, 2)
            await trial.settle()
        assert trial.faults() == []
        assert len(trial.outcomes) > 1


async def test_users_may_do_what_their_role_says(tmp_path: Path) -> None:
    def options(user: str) -> BrokerOptions:
        return BrokerOptions(parse_addresses(cluster.url(user)), f"test-{user}", clean=True)

    with NatsCluster(tmp_path) as cluster:
        async with (
            connect(options("bridge")) as bridge,
            connect(options("reader")) as reader,
            connect(options("sender")) as sender,
            connect(options("panel")) as panel,
        ):
            await bridge.subscribe("wa/haby/out", "wa/haby/out/+", "wa/haby/replay")
            for user, denied in ((sender, "wa/haby/in"), (reader, "wa/haby/qr"), (panel, "#"), (reader, "$MQTT/sub/#")):
                with pytest.raises(BrokerRefused, match="does not allow"):
                    await user.subscribe(denied)
            await panel.publish("wa/haby/out", "panel")
            await reader.publish("wa/haby/out", "reader")
            await reader.publish("wa/haby/replay", "allowed")
            await sender.publish("wa/haby/replay", "sender")
            await sender.publish("wa/haby/out/5491155500001", "allowed")
            async with asyncio.timeout(10):
                assert await delivered(bridge, 2) == [
                    ("wa/haby/out/5491155500001", b"allowed"),
                    ("wa/haby/replay", b"allowed"),
                ]


async def delivered(connection: BrokerConnection, count: int) -> list[tuple[str, bytes]]:
    """The first deliveries, sorted: each subscription has an order of its own."""
    found = []
    async for delivery in connection.deliveries():
        connection.acknowledge(delivery)
        found.append((delivery.topic, delivery.payload))
        if len(found) == count:
            break
    return sorted(found)


def test_the_shipped_accounts_are_those_of_the_roles() -> None:
    assert (SHIPPED / "accounts.conf").read_text(encoding="utf-8") == accounts_text(Topics())
    assert subjects("wa/+/out/#") == ("wa.*.out", "wa.*.out.>")


def test_every_variable_of_the_configuration_is_explained() -> None:
    named = {
        word.rstrip(",")
        for file in ("nats.conf", "accounts.conf")
        for line in (SHIPPED / file).read_text(encoding="utf-8").splitlines()
        for word in line.partition("#")[0].split()
        if word.startswith("$WA_")
    }
    example = (SHIPPED / "nats.env.example").read_text(encoding="utf-8")
    assert {f"${line.partition('=')[0]}" for line in example.splitlines() if "=" in line and line[0] != "#"} == named
