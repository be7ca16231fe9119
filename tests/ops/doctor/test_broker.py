"""The broker check on a real broker: a delivery counts, a granted subscription does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.broker import BrokerOptions, parse_addresses
from bridge.contract.findings import Finding
from bridge.contract.topics import Topics
from bridge.ops.doctor import broker
from tests.mosquitto_server import MosquittoServer, free_port

TOPICS = Topics()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


async def found(url: str, *, private: bool = False) -> list[Finding]:
    options = BrokerOptions(parse_addresses(url) if url else (), client_id="wa-doctor", clean=True, connect_timeout=5)
    return [finding async for finding in broker.broker(options, TOPICS, "haby", private=private)]


async def test_a_broker_that_delivers_is_ok(mosquitto: MosquittoServer) -> None:
    [finding] = await found(mosquitto.url("bridge"))
    assert finding.level == "ok"
    assert "delivers in" in finding.what
    assert mosquitto.passwords["bridge"] not in finding.what


async def test_a_granted_subscription_without_delivery_is_a_fault(mosquitto: MosquittoServer) -> None:
    [finding] = await found(mosquitto.url("sender"))
    assert finding.level == "fault"
    assert "does not deliver" in finding.what
    assert "role bridge" in str(finding.advice)


async def test_rules_that_forbid_replays_only_are_a_fault(tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("user bridge\ntopic deny wa/+/replay/+\ntopic readwrite wa/#\n")
    rules.chmod(0o644)
    with MosquittoServer(tmp_path / "mosquitto", acl=rules) as server:
        [finding] = await found(server.url("bridge"))
    assert finding.level == "fault"
    assert "does not deliver" in finding.what


async def test_a_wrong_password_is_reported(mosquitto: MosquittoServer) -> None:
    [finding] = await found(f"mqtt://bridge:wrong@127.0.0.1:{mosquitto.port}")
    assert finding.level == "fault"
    assert "refuses this user or password" in finding.what
    assert "wrong" not in finding.what.replace("wrong password", "")


async def test_each_broker_of_a_list_is_checked(mosquitto: MosquittoServer) -> None:
    unreachable = f"mqtt://127.0.0.1:{free_port()}"
    findings = await found(f"{unreachable},{mosquitto.url('bridge')}")
    assert [finding.level for finding in findings] == ["fault", "ok"]


async def test_a_missing_broker_is_a_fault() -> None:
    [finding] = await found("")
    assert finding.level == "fault"
    assert "wa up" in str(finding.advice)


@pytest.mark.parametrize(
    ("url", "count"),
    [("mqtt://h:1", 2), ("mqtt://u:p@h:1", 1), ("mqtts://u:p@h:1", 0), ("mqtt://127.0.0.1:1", 0), ("mqtts://h:1", 1)],
)
def test_an_address_that_exposes_data_on_the_network_is_reported(url: str, count: int) -> None:
    [address] = parse_addresses(url)
    assert len(broker._exposure(address)) == count
