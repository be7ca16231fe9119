"""Commands of another owner are taken over: with their results, in their order, many with one commit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from bridge.contract.lifecycle import SendState
from bridge.core.foreign_commands import TOGETHER, ForeignCommands
from bridge.ports import Claim, Claimed, NewNotice, Outbox, OutboxRow
from tests.core.conftest import SessionHarness

AT = "2026-11-30T12:00:00.000Z"
ANA = "5491155500001"
MESSAGE_ID = f"true_{ANA}@c.us_3EB0000000000000000001"


def command(command_id: str, to: str = ANA, message: str = "hola") -> bytes:
    return json.dumps({"id": command_id, "to": to, "message": message}).encode()


def result(command_id: str, status: str, **fields: Any) -> bytes:
    to = f"{ANA}@c.us"
    return json.dumps({"session": "haby", "id": command_id, "status": status, "to": to, "at": AT, **fields}).encode()


def error(code: str) -> dict[str, Any]:
    return {"code": code, "text": "why", "transient": False}


def noted(count: int) -> ForeignCommands:
    found = ForeignCommands("haby")
    for n in range(count):
        found.command(b'{"id": "c%d", "to": "5491155500001", "message": "hola"}' % n)
    return found


class Together:
    """The real outbox behind a barrier: a claim goes on once all are there."""

    def __init__(self, outbox: Outbox, count: int) -> None:
        self._outbox = outbox
        self._barrier = asyncio.Barrier(count)

    async def claim(
        self, claim: Claim, accepted: NewNotice, on_new_row: Callable[[OutboxRow], None] | None = None
    ) -> Claimed:
        await self._barrier.wait()
        return await self._outbox.claim(claim, accepted, on_new_row)


async def test_claims_are_stored_together(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    outbox = cast("Outbox", Together(harness.store.outbox, 20))
    async with asyncio.timeout(10):
        assert await noted(20).take_over(outbox, harness.clock.now(), None) == 20


async def test_a_command_that_is_noted_meanwhile_is_claimed_too(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    found = noted(2)
    both = cast("Outbox", Together(harness.store.outbox, 2))
    claiming = asyncio.create_task(found.take_over(both, harness.clock.now(), None))
    await asyncio.sleep(0)  # the first two are on their way
    for late in (b"late", b"later"):
        found.command(b'{"id": "%s", "to": "5491155500001", "message": "hola"}' % late)
    assert await asyncio.wait_for(claiming, 10) == 4
    assert await harness.store.outbox.get("later") is not None


async def test_claims_keep_their_order_and_those_known_already_are_not_counted(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    outbox = harness.store.outbox
    await noted(3).take_over(outbox, harness.clock.now(), None)
    count = TOGETHER + 2
    assert await noted(count).take_over(outbox, harness.clock.now(), None) == count - 3
    rows = [await outbox.get(f"c{n}") for n in range(count)]
    numbers = [row.number for row in rows if row is not None]
    assert len(numbers) == count
    assert numbers == sorted(numbers)


async def test_a_repetition_of_what_the_owner_answered_gets_that_result_and_nothing_is_sent(
    harness: SessionHarness,
) -> None:
    await harness.start(connected=False)
    found = ForeignCommands("haby")
    for name in ("sent", "failed", "doubt"):
        found.command(command(name))
    found.result(result("sent", "accepted"))
    found.result(result("sent", "sent", chat=f"{ANA}@c.us", message_id=MESSAGE_ID))
    found.result(result("failed", "failed", error=error("cancelled")))
    found.result(result("doubt", "unknown"))
    found.command(command("sent"))  # repeated, and with other content: neither changes what was done
    found.command(command("sent", message="chau"))
    found.result(result("sent", "failed", error=error("conflict")))
    outbox = harness.store.outbox
    assert await found.take_over(outbox, harness.clock.now(), None) == 0
    rows = {name: await outbox.get(name) for name in ("sent", "failed", "doubt")}
    assert {name: row and row.state for name, row in rows.items()} == {
        "sent": SendState.SENT,
        "failed": SendState.FAILED,
        "doubt": SendState.UNKNOWN,
    }
    assert rows["failed"] is not None
    assert rows["failed"].error_code == "cancelled"
    assert await outbox.has_sent("3EB0000000000000000001")  # on the phone it is no message of a person
    assert (outbox.open_count, await outbox.unpublished(0, 9)) == (0, [])  # nothing is published a second time


async def test_what_is_open_here_gets_the_result_of_the_owner_between(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    outbox = harness.store.outbox
    await noted(1).take_over(outbox, harness.clock.now(), None)
    assert outbox.open_count == 1
    found = noted(1)
    found.result(result("c0", "sent", message_id=MESSAGE_ID))
    await found.take_over(outbox, harness.clock.now(), None)
    row = await outbox.get("c0")
    assert row is not None
    assert (row.state, outbox.open_count) == (SendState.SENT, 0)


@pytest.mark.parametrize("own", [None, "5491155500009"])
async def test_a_number_dialled_locally_stops_nothing_and_is_that_of_the_owner(
    harness: SessionHarness, own: str | None
) -> None:
    await harness.start(connected=False)
    found = ForeignCommands("haby")
    found.command(command("local", to="01155500001"))
    found.command(command("other"))
    if own is None:  # where the account is not known yet, the owner said whom it wrote to
        found.result(result("local", "accepted"))
    found.command(command("nowhere", to="01155500002"))
    outbox = harness.store.outbox
    assert await found.take_over(outbox, harness.clock.now(), own) == (2 if own is None else 3)
    row = await outbox.get("local")
    assert row is not None
    assert row.claim.to == f"{ANA}@c.us"


async def test_what_the_owner_refused_or_never_got_is_not_taken_over(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    found = ForeignCommands("haby")
    found.command(command("refused"))
    found.result(result("refused", "failed", error=error("unsupported"), topic="wa/haby/out", sha256="0" * 64))
    status = {"session": "haby", "text": "", "since": AT, "at": AT, "owner": "north:aa", "last_seq": 0}
    for state, reason in (("offline", "bridge_gone"), ("error", "store_unusable"), ("error", "bridge_fault")):
        found.status(json.dumps({**status, "state": state, "reason": reason}).encode())
        found.command(command(reason))  # the broker keeps it for the next owner
    outbox = harness.store.outbox
    assert await found.take_over(outbox, harness.clock.now(), None) == 0
    assert await outbox.recent(None, 9) == []
