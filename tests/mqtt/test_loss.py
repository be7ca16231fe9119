"""Crashes: the bridge between claim and PUBACK, the broker with and without its persistence."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from bridge.contract.commands import checked
from bridge.contract.messages import Stream
from bridge.ports import Claim, Claimed
from bridge.store.outbox import SqliteOutbox
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe, mqtt_probe
from tests.mqtt.programs import bridge_program

ANA = "5491155500001@c.us"
OUT = "wa/haby/out"


async def subscribed(harness: BridgeUnderTest) -> None:
    """Create the broker's session, so that it keeps what is published while the bridge is offline."""
    await harness.start()
    await harness.stop()


async def claimed_and_killed(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer, times: int = 1
) -> None:
    """A command without id is claimed by a bridge without a login that is killed before the PUBACK, `times` times."""
    harness.phone.paired = False
    harness.probe = None
    await harness.start(until=None)
    await probe.state("pairing")
    await harness.stop()
    await probe.publish(f"{OUT}/5491155500001", "Hola")
    for _ in range(times):
        async with bridge_program(mosquitto.url("bridge"), harness.settings.data_dir, "acknowledge") as program:
            assert await asyncio.wait_for(program.ended(), 20) == -signal.SIGKILL


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_command_without_id_whose_puback_is_lost_is_sent_once(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer, lost: int
) -> None:
    await claimed_and_killed(harness, probe, mosquitto, lost)
    harness.phone.pair()
    await harness.start()
    await probe.wait("wa/haby/result", lambda result: result["status"] == "sent")
    await probe.barrier()
    assert [(sent.text, sent.times) for sent in harness.phone.sent] == [("Hola", 1)]
    assert harness.session._outbox.open_count == 0


async def test_a_command_that_a_killed_broker_delivers_again_is_sent_once_by_its_id(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    """The broker's file is older than the delivery, which comes again and is not flagged as a repetition."""
    await subscribed(harness)
    for name in ("a", "b"):
        await probe.publish(OUT, {"id": name, "to": ANA, "message": name})
    os.kill(mosquitto.pid, signal.SIGUSR1)  # save now
    file = mosquitto.directory / "mosquitto.db"
    await harness.until(lambda: file.exists() and b'"b"' in file.read_bytes())
    saved = file.read_bytes()
    await harness.start()
    await harness.until(lambda: len(harness.phone.sent) == 2)
    await probe.barrier()
    mosquitto.kill()
    file.write_bytes(saved)  # a slow machine may have saved once more
    mosquitto.start()
    async with mqtt_probe(mosquitto.url("admin")) as again:
        await again.publish(OUT, {"id": "after", "to": ANA, "message": "after"})
        await harness.until(lambda: "after" in [sent.text for sent in harness.phone.sent])
    assert [(sent.text, sent.times) for sent in harness.phone.sent] == [("a", 1), ("b", 1), ("after", 1)]


async def test_two_equal_commands_without_id_are_two(harness: BridgeUnderTest, probe: MqttProbe) -> None:
    await subscribed(harness)
    for _ in range(2):
        await probe.publish(f"{OUT}/5491155500001", "Hola")
    await harness.start()
    await probe.barrier()
    await harness.until(lambda: len(harness.phone.sent) == 2)


async def test_commands_published_while_the_bridge_is_offline_are_sent_in_order(
    harness: BridgeUnderTest, probe: MqttProbe
) -> None:
    await subscribed(harness)
    for number in range(60):  # three times the window of messages in flight
        await probe.publish(OUT, {"id": str(number), "to": ANA, "message": str(number)})
    await harness.start()
    await probe.result("59", "sent")
    assert [sent.text for sent in harness.phone.sent] == [str(number) for number in range(60)]


@pytest.mark.parametrize("persistent", [True, False])
async def test_a_killed_broker_loses_nothing_for_a_reader_that_replays(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer, persistent: bool
) -> None:
    await harness.start()
    for number in range(1, 4):
        harness.phone.incoming(ANA, str(number))
    await probe.count("wa/haby/in", 3)
    await probe.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"})
    await probe.result("a", "sent")
    mosquitto.kill()
    for number in range(4, 8):
        harness.phone.incoming(ANA, str(number))
    answer = await harness.session.outbound.submit(_command("b"))
    assert answer.status == "accepted"
    await harness.until(lambda: len(harness.phone.sent) == 2)
    if not persistent:
        (mosquitto.directory / "mosquitto.db").unlink(missing_ok=True)
    mosquitto.start()
    async with mqtt_probe(mosquitto.url("admin")) as again:
        # an older status, which the broker has kept, may come first
        status = await again.wait("wa/haby/status", lambda status: status["last_seq"] == 7, within=20)
        # the result may have been published before the probe subscribed; repeating the command publishes it again
        await again.publish(OUT, {"id": "b", "to": ANA, "message": "Hola"})
        await again.result("b", "sent")
        after = {"epoch": status["epoch"], "seq": 3}
        await again.publish("wa/haby/replay", {"request": "r", "reader": "admin", "after": after})
        page = await again.count("wa/haby/replay/admin", 5)
    assert [item["body"] for item in page[:-1]] == ["4", "5", "6", "7"]
    assert (page[-1]["done"], page[-1]["next"], page[-1]["gap"]) == (True, None, False)
    assert len(harness.phone.sent) == 2


def _command(command_id: str) -> Any:
    from bridge.contract.commands import SendCommand

    return checked(SendCommand, {"id": command_id, "to": ANA, "message": "Hola"})


async def test_a_claim_that_outlives_its_connection_is_not_acknowledged_on_the_next_one(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim: Callable[..., Any] = SqliteOutbox.claim
    claiming, go_on, origins = asyncio.Event(), asyncio.Event(), []

    async def slow_claim(self: SqliteOutbox, command: Claim, *others: Any) -> Claimed:
        origins.append(command.origin)
        claimed: Claimed = await claim(self, command, *others)
        if len(origins) == 1:
            claiming.set()
            await go_on.wait()
        return claimed

    await harness.start()
    monkeypatch.setattr(SqliteOutbox, "claim", slow_claim)
    await probe.publish(f"{OUT}/5491155500001", "Hola")
    await asyncio.wait_for(claiming.wait(), 10)
    mosquitto.restart()
    async with mqtt_probe(mosquitto.url("admin")) as again:
        # the broker kept the unacknowledged command: it is redelivered, flagged
        await harness.until(lambda: len(origins) == 2)
        assert origins[1] is not None
        assert origins[1].dup
        go_on.set()
        await again.wait("wa/haby/result", lambda result: result["status"] == "sent", within=20)
        await again.barrier()
    assert [(sent.text, sent.times) for sent in harness.phone.sent] == [("Hola", 1)]


async def test_a_command_that_causes_an_internal_error_is_answered_and_blocks_nothing(
    harness: BridgeUnderTest, probe: MqttProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a PUBACK it would be redelivered and fail again, indefinitely."""
    claim: Callable[..., Any] = SqliteOutbox.claim

    async def faulty_claim(self: SqliteOutbox, command: Claim, *others: Any) -> Claimed:
        if command.content.summary == "poison":
            raise ZeroDivisionError
        claimed: Claimed = await claim(self, command, *others)
        return claimed

    await harness.start()
    monkeypatch.setattr(SqliteOutbox, "claim", faulty_claim)
    await probe.publish(OUT, {"id": "p", "to": ANA, "message": "poison"})
    await probe.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"})
    refused = await probe.result("p", "failed")
    assert refused["error"]["code"] == "internal"
    await probe.result("a", "sent")
    await harness.abort()
    await harness.start()
    await probe.barrier()
    assert [(sent.text, sent.times) for sent in harness.phone.sent] == [("Hola", 1)]


async def test_an_internal_error_after_the_claim_is_not_answered_with_failed(
    harness: BridgeUnderTest, probe: MqttProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command will be sent; reporting `failed` would make the caller resend it."""
    claim: Callable[..., Any] = SqliteOutbox.claim

    async def claims_and_fails(self: SqliteOutbox, *others: Any) -> Claimed:
        await claim(self, *others)
        raise ZeroDivisionError

    await harness.start()
    monkeypatch.setattr(SqliteOutbox, "claim", claims_and_fails)
    await probe.publish(f"{OUT}/5491155500001", "Hola")
    await probe.publish(OUT, {"id": "a", "to": ANA, "message": "Buenas"})
    await harness.until(lambda: len(harness.phone.sent) == 2)
    await probe.result("a", "sent")
    await probe.barrier()
    errors = [result["error"] for result in probe.on("wa/haby/result") if result.get("error")]
    assert "internal" not in [error["code"] for error in errors]


async def test_unacknowledged_results_are_published_again(
    harness: BridgeUnderTest, probe: MqttProbe, mosquitto: MosquittoServer
) -> None:
    await harness.start()
    await probe.barrier()
    mosquitto.kill()
    await harness.session.outbound.submit(_command("a"))
    await harness.until(lambda: len(harness.phone.sent) == 1)
    await harness.abort()
    mosquitto.start()
    async with mqtt_probe(mosquitto.url("admin")) as again:
        harness.probe = again
        await harness.start()
        await again.result("a", "accepted")
        await again.result("a", "sent")
        await again.wait("wa/haby/ack", lambda ack: ack["id"] == "a")
        assert harness.session._journal.bounds(Stream.IN).last == 0
