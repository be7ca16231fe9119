"""What dies, and when: the bridge between claim and PUBACK, the broker with and without its memory."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import pytest

from bridge.contract.commands import checked
from bridge.contract.messages import Stream
from bridge.ports import Claim, Claimed
from bridge.store.outbox import SqliteOutbox
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.conftest import Side
from tests.mqtt.ear import Ear, hearing
from tests.mqtt.programs import bridge_program

ANA = "5491155500001@c.us"
OUT = "wa/haby/out"


async def subscribed(side: Side) -> None:
    """Let the broker know the session, so that it keeps what is published while no bridge is there."""
    await side.start()
    await side.stop()


async def claimed_and_killed(side: Side, ear: Ear, mosquitto: MosquittoServer, times: int = 1) -> None:
    """A command without id is claimed by a bridge that has no login, and killed before the PUBACK; so many times."""
    side.phone.paired = False
    side.ear = None
    await side.start(until=None)
    await ear.state("pairing")
    await side.stop()
    await ear.publish(f"{OUT}/5491155500001", "Hola")
    for _ in range(times):
        async with bridge_program(mosquitto.url("bridge"), side.settings.data_dir, "acknowledge") as program:
            assert await asyncio.wait_for(program.wait(), 20) == -signal.SIGKILL


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_command_without_id_whose_puback_is_lost_is_sent_once(
    side: Side, ear: Ear, mosquitto: MosquittoServer, lost: int
) -> None:
    await claimed_and_killed(side, ear, mosquitto, lost)
    side.phone.pair()
    await side.start()
    await ear.wait("wa/haby/result", lambda result: result["status"] == "sent")
    await ear.barrier()
    assert [(sent.text, sent.times) for sent in side.phone.sent] == [("Hola", 1)]
    assert side.session._outbox.open_count == 0


async def test_two_equal_commands_without_id_are_two(side: Side, ear: Ear) -> None:
    await subscribed(side)
    for _ in range(2):
        await ear.publish(f"{OUT}/5491155500001", "Hola")
    await side.start()
    await ear.barrier()
    await side.until(lambda: len(side.phone.sent) == 2)


async def test_what_is_published_while_the_bridge_is_away_is_sent_in_order(side: Side, ear: Ear) -> None:
    await subscribed(side)
    for number in range(60):  # three times the window of what is in flight
        await ear.publish(OUT, {"id": str(number), "to": ANA, "message": str(number)})
    await side.start()
    await ear.result("59", "sent")
    assert [sent.text for sent in side.phone.sent] == [str(number) for number in range(60)]


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_broker_that_is_killed_costs_a_reader_that_replays_nothing(
    side: Side, ear: Ear, mosquitto: MosquittoServer, remembers: bool
) -> None:
    await side.start()
    for number in range(1, 4):
        side.phone.incoming(ANA, str(number))
    await ear.count("wa/haby/in", 3)
    await ear.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"})
    await ear.result("a", "sent")
    mosquitto.kill()
    for number in range(4, 8):
        side.phone.incoming(ANA, str(number))
    answer = await side.session.outbound.submit(_command("b"))
    assert answer.status == "accepted"
    await side.until(lambda: len(side.phone.sent) == 2)
    if not remembers:
        (mosquitto.directory / "mosquitto.db").unlink(missing_ok=True)
    mosquitto.start()
    async with hearing(mosquitto.url("admin")) as again:
        # an older status, which the broker has kept, may come first
        status = await again.wait("wa/haby/status", lambda status: status["last_seq"] == 7, within=20)
        # the result may have been published before anybody listened; who asks again is told again
        await again.publish(OUT, {"id": "b", "to": ANA, "message": "Hola"})
        await again.result("b", "sent")
        after = {"epoch": status["epoch"], "seq": 3}
        await again.publish("wa/haby/replay", {"request": "r", "reader": "admin", "after": after})
        page = await again.count("wa/haby/replay/admin", 5)
    assert [item["body"] for item in page[:-1]] == ["4", "5", "6", "7"]
    assert (page[-1]["done"], page[-1]["next"], page[-1]["gap"]) == (True, None, False)
    assert len(side.phone.sent) == 2


def _command(command_id: str) -> Any:
    from bridge.contract.commands import SendCommand

    return checked(SendCommand, {"id": command_id, "to": ANA, "message": "Hola"})


async def test_a_claim_that_outlives_its_connection_is_not_acknowledged_on_the_next(
    side: Side, ear: Ear, mosquitto: MosquittoServer, monkeypatch: pytest.MonkeyPatch
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

    await side.start()
    monkeypatch.setattr(SqliteOutbox, "claim", slow_claim)
    await ear.publish(f"{OUT}/5491155500001", "Hola")
    await asyncio.wait_for(claiming.wait(), 10)
    mosquitto.restart()
    async with hearing(mosquitto.url("admin")) as again:
        # the broker kept the command, since nobody had acknowledged it: it comes again, flagged
        await side.until(lambda: len(origins) == 2)
        assert origins[1] is not None
        assert origins[1].dup
        go_on.set()
        await again.wait("wa/haby/result", lambda result: result["status"] == "sent", within=20)
        await again.barrier()
    assert [(sent.text, sent.times) for sent in side.phone.sent] == [("Hola", 1)]


async def test_a_command_that_meets_a_fault_of_ours_is_answered_and_holds_up_nothing(
    side: Side, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left without PUBACK it would come again, and meet the fault again, for ever."""
    claim: Callable[..., Any] = SqliteOutbox.claim

    async def faulty_claim(self: SqliteOutbox, command: Claim, *others: Any) -> Claimed:
        if command.content.summary == "poison":
            raise ZeroDivisionError
        claimed: Claimed = await claim(self, command, *others)
        return claimed

    await side.start()
    monkeypatch.setattr(SqliteOutbox, "claim", faulty_claim)
    await ear.publish(OUT, {"id": "p", "to": ANA, "message": "poison"})
    await ear.publish(OUT, {"id": "a", "to": ANA, "message": "Hola"})
    refused = await ear.result("p", "failed")
    assert refused["error"]["code"] == "internal"
    await ear.result("a", "sent")
    await side.break_off()
    await side.start()
    await ear.barrier()
    assert [(sent.text, sent.times) for sent in side.phone.sent] == [("Hola", 1)]


async def test_a_fault_after_the_claim_is_not_answered_with_failed_since_it_will_be_sent(
    side: Side, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is told `failed` sends it again, and then it is there twice."""
    claim: Callable[..., Any] = SqliteOutbox.claim

    async def claims_and_fails(self: SqliteOutbox, *others: Any) -> Claimed:
        await claim(self, *others)
        raise ZeroDivisionError

    await side.start()
    monkeypatch.setattr(SqliteOutbox, "claim", claims_and_fails)
    await ear.publish(f"{OUT}/5491155500001", "Hola")
    await ear.publish(OUT, {"id": "a", "to": ANA, "message": "Buenas"})
    await side.until(lambda: len(side.phone.sent) == 2)
    await ear.result("a", "sent")
    await ear.barrier()
    errors = [result["error"] for result in ear.on("wa/haby/result") if result.get("error")]
    assert "internal" not in [error["code"] for error in errors]


async def test_results_that_nobody_acknowledged_are_published_again(
    side: Side, ear: Ear, mosquitto: MosquittoServer
) -> None:
    await side.start()
    await ear.barrier()
    mosquitto.kill()
    await side.session.outbound.submit(_command("a"))
    await side.until(lambda: len(side.phone.sent) == 1)
    await side.break_off()
    mosquitto.start()
    async with hearing(mosquitto.url("admin")) as again:
        side.ear = again
        await side.start()
        await again.result("a", "accepted")
        await again.result("a", "sent")
        await again.wait("wa/haby/ack", lambda ack: ack["id"] == "a")
        assert side.session._journal.bounds(Stream.IN).last == 0
