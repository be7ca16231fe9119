"""Commands: claimed once, moved along the send table, looked up, with their notices in the same commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from bridge.contract.details import Doubt
from bridge.contract.lifecycle import FINAL, TRANSITIONS, SendState
from bridge.ports import Change, CommandOrigin, IllegalSendStep
from bridge.store import SessionStore
from tests.store.conftest import Opener
from tests.store.samples import LID, PN, claim, origin, result, step

S = SendState
#: A way to each state that only takes steps of the table.
WAY_TO: dict[SendState, Sequence[SendState]] = {
    S.ACCEPTED: [],
    S.SENDING: [S.SENDING],
    S.SENT: [S.SENDING, S.SENT],
    S.DEVICE: [S.SENDING, S.DEVICE],
    S.READ: [S.SENDING, S.READ],
    S.PLAYED: [S.SENDING, S.PLAYED],
    S.FAILED: [S.FAILED],
    S.UNKNOWN: [S.SENDING, S.UNKNOWN],
}


async def claimed_in(store: SessionStore, state: SendState) -> int:
    number = (await store.outbox.claim(claim(), result())).row.number
    for next_state in WAY_TO[state]:
        await store.outbox.change(number, step(next_state))
    return number


async def test_a_claim_is_stored_with_all_fields(opener: Opener) -> None:
    async with opener() as store:
        claimed = await store.outbox.claim(claim(origin=origin(3)), result("accepted"))
        assert (claimed.fresh, claimed.conflict, claimed.row.state) == (True, False, S.ACCEPTED)
        assert claimed.row.claim == claim(origin=origin(3))
        assert claimed.row.changed_at == claim().claimed_at
    async with opener() as store:
        assert await store.outbox.get("order-1") == claimed.row
        assert [notice.body for notice in await store.outbox.unpublished(0, 10)] == ["accepted"]


async def test_the_same_id_and_content_is_the_same_command(store: SessionStore) -> None:
    first = await store.outbox.claim(claim(), result("first"))
    again = await store.outbox.claim(claim(at=2000.0), result("again"))
    assert (again.row, again.fresh, again.conflict) == (first.row, False, False)
    assert [notice.body for notice in await store.outbox.unpublished(0, 10)] == ["first"]


async def test_other_content_under_a_known_id_is_a_conflict_and_changes_nothing(store: SessionStore) -> None:
    first = await store.outbox.claim(claim(text="hola"), result("first"))
    other = await store.outbox.claim(claim(text="chau"), result("other"))
    assert (other.row, other.fresh, other.conflict) == (first.row, False, True)
    assert await store.outbox.get("order-1") == first.row
    assert len(await store.outbox.unpublished(0, 10)) == 1


async def test_of_many_claims_of_one_id_at_once_one_is_fresh(store: SessionStore) -> None:
    claims = await asyncio.gather(*(store.outbox.claim(claim(), result()) for _ in range(50)))
    assert [claimed.fresh for claimed in claims] == [True] + [False] * 49


async def test_numbers_follow_the_order_of_the_calls(store: SessionStore) -> None:
    claims = await asyncio.gather(*(store.outbox.claim(claim(f"id-{n}"), result()) for n in range(100)))
    assert [claimed.row.number for claimed in claims] == list(range(1, 101))
    assert [row.claim.id for row in await store.outbox.open_rows()] == [f"id-{n}" for n in range(100)]


async def test_a_redelivery_on_the_next_connection_is_recognised_and_so_is_the_next_one(store: SessionStore) -> None:
    first = await store.outbox.claim(claim("made-1", origin=origin(7)), result())
    for connection in (8, 9, 10):
        again = await store.outbox.claim(claim(f"made-{connection}", origin=origin(connection, dup=True)), result())
        assert (again.fresh, again.conflict, again.row.claim.id) == (False, False, first.row.claim.id)
    assert await store.outbox.get("made-8") is None


async def test_an_interrupted_redelivery_is_recognised_completely_the_next_time(store: SessionStore) -> None:
    batch = [origin(7, packet_id=packet_id) for packet_id in (1, 2, 3)]
    for came in batch:
        await store.outbox.claim(claim(f"made-{came.packet_id}", origin=came), result())
    # only the first was redelivered before that connection broke; a connection in between delivered a new command
    await store.outbox.claim(claim("a", origin=origin(7, packet_id=1, dup=True)), result())
    for packet_id in (1, 2, 3):
        came = origin(8, packet_id=packet_id, dup=True)
        again = await store.outbox.claim(claim(f"again-{packet_id}", origin=came), result())
        assert (again.fresh, again.row.claim.id) == (False, f"made-{packet_id}")


@pytest.mark.parametrize(
    "arrival",
    [
        pytest.param(origin(8), id="not flagged DUP: a new command that got the same packet id"),
        pytest.param(origin(9, dup=True), id="a connection too late"),
        pytest.param(origin(8, dup=True, packet_id=6), id="another packet id"),
        pytest.param(origin(8, dup=True, topic="wa/haby/out/5491155500001"), id="another topic"),
    ],
)
async def test_a_command_that_only_resembles_a_redelivery_is_new(store: SessionStore, arrival: CommandOrigin) -> None:
    await store.outbox.claim(claim("made-1", origin=origin(7)), result())
    again = await store.outbox.claim(claim("made-2", origin=arrival), result())
    assert again.fresh
    assert again.row.claim.id == "made-2"


async def test_of_two_equal_commands_the_later_one_is_the_redelivered_one(store: SessionStore) -> None:
    await store.outbox.claim(claim("made-1", origin=origin(7)), result())
    await store.outbox.claim(claim("made-2", origin=origin(7)), result())  # the packet id was free again
    again = await store.outbox.claim(claim("made-3", origin=origin(8, dup=True)), result())
    assert again.row.claim.id == "made-2"


@pytest.mark.parametrize(("before", "after"), list(product(S, S)))
async def test_a_step_is_taken_exactly_when_the_table_has_it(
    store: SessionStore, before: SendState, after: SendState
) -> None:
    number = await claimed_in(store, before)
    if after in TRANSITIONS[before]:
        assert (await store.outbox.change(number, step(after, result("step")))).state == after
        stands = after
    else:
        with pytest.raises(IllegalSendStep):
            await store.outbox.change(number, step(after, result("step")))
        stands = before
    row = await store.outbox.get("order-1")
    assert row is not None
    assert row.state == stands
    assert ("step" in [notice.body for notice in await store.outbox.unpublished(0, 10)]) == (stands is not before)
    assert store.outbox.open_count == (stands not in FINAL)


async def test_a_step_changes_only_what_it_names(store: SessionStore) -> None:
    number = await claimed_in(store, S.ACCEPTED)
    sending = await store.outbox.change(
        number, Change(S.SENDING, 5.0, chat=PN, message_id=f"true_{PN}_3EB0C0FFEE", notices=(result(),))
    )
    sent = await store.outbox.change(number, Change(S.SENT, 6.0))
    assert (sent.chat, sent.message_id) == (sending.chat, sending.message_id) == (PN, f"true_{PN}_3EB0C0FFEE")
    assert (sent.claim, sent.changed_at) == (claim(), 6.0)


async def test_a_later_success_clears_the_stored_error(store: SessionStore) -> None:
    number = await claimed_in(store, S.SENDING)
    change = Change(S.UNKNOWN, 5.0, error_code="internal", error_text="no answer", error_detail=Doubt.NOT_CONFIRMED)
    doubtful = await store.outbox.change(number, change)
    assert (doubtful.error_code, doubtful.error_text) == ("internal", "no answer")
    assert doubtful.error_detail == Doubt.NOT_CONFIRMED
    sent = await store.outbox.change(number, Change(S.SENT, 6.0))
    assert (sent.error_code, sent.error_text, sent.error_detail) == (None, None, None)


async def test_a_row_is_found_by_its_raw_message_id_whatever_the_address(store: SessionStore) -> None:
    number = await claimed_in(store, S.ACCEPTED)
    row = await store.outbox.change(number, step(S.SENDING, message_id=f"true_{LID}_3EB0C0FFEE"))
    assert await store.outbox.of_message("3EB0C0FFEE") == row
    assert await store.outbox.of_message("3EB0") is None


async def test_a_step_of_a_missing_command_is_an_error(store: SessionStore) -> None:
    with pytest.raises(LookupError):
        await store.outbox.change(99, step(S.SENDING))


async def test_open_rows_and_their_count_outlive_a_restart(opener: Opener) -> None:
    async with opener() as store:
        for n, state in enumerate([S.ACCEPTED, S.SENDING, S.SENT, S.FAILED]):
            number = (await store.outbox.claim(claim(f"id-{n}"), result())).row.number
            for next_state in WAY_TO[state]:
                await store.outbox.change(number, step(next_state))
        assert store.outbox.open_count == 2
    async with opener() as store:
        assert [row.claim.id for row in await store.outbox.open_rows()] == ["id-0", "id-1"]
        assert store.outbox.open_count == 2


async def test_a_new_epoch_makes_open_commands_unknown_and_reports_it(opener: Opener) -> None:
    async with opener() as store:
        old = store.epoch
        for n, state in enumerate([S.ACCEPTED, S.SENDING, S.SENT]):
            number = (await store.outbox.claim(claim(f"id-{n}"), result("accepted"))).row.number
            for next_state in WAY_TO[state]:
                await store.outbox.change(number, step(next_state))
        new = await store.new_epoch(lambda row: result(f"{row.claim.id} {row.state}"))
        assert new == store.epoch != old
        assert store.outbox.open_count == 0
    async with opener() as store:
        assert store.epoch == new
        rows = [await store.outbox.get(f"id-{n}") for n in range(3)]
        assert [row.state for row in rows if row] == [S.UNKNOWN, S.UNKNOWN, S.SENT]
        assert [row.error_detail for row in rows if row] == [Doubt.LEFT_OPEN, Doubt.LEFT_OPEN, None]
        bodies = [notice.body for notice in await store.outbox.unpublished(0, 10)]
        assert bodies == ["accepted"] * 3 + ["id-0 unknown", "id-1 unknown"]


async def test_a_command_is_settled_when_it_is_final_and_not_before(store: SessionStore) -> None:
    number = await claimed_in(store, S.SENDING)
    waiting = [asyncio.create_task(store.outbox.settled(claim().id)) for _ in range(2)]
    await asyncio.wait(waiting, timeout=0.05)
    assert not any(task.done() for task in waiting)
    await store.outbox.change(number, step(S.SENT))
    rows = [*await asyncio.gather(*waiting), await store.outbox.settled(claim().id)]
    assert [row.state for row in rows if row] == [S.SENT] * 3


async def test_an_unknown_command_is_not_waited_for(store: SessionStore) -> None:
    assert await store.outbox.settled("never-claimed") is None


async def test_the_time_of_a_command_is_stored_and_when_it_was_a_first_message(opener: Opener) -> None:
    async with opener() as store:
        timed = await store.outbox.claim(replace(claim("a"), send_at=5000.0), result())
        other = await store.outbox.claim(claim("b"), result())
        for number, at, first in ((timed.row.number, 5001.0, True), (other.row.number, 5002.0, False)):
            key = f"true_{PN}_3EB0{number}"
            await store.outbox.change(number, Change(SendState.SENDING, at, message_id=key, first=first))
            await store.outbox.change(number, Change(SendState.SENT, at + 1))
    async with opener() as store:
        assert [row and row.claim.send_at for row in [await store.outbox.get(one) for one in "ab"]] == [5000.0, None]
        assert await store.outbox.first_messages(5000.0) == [5001.0]
        assert await store.outbox.first_messages(5001.0) == []
