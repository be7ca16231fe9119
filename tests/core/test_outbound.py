"""Many commands: the order in a chat, tries that failed, what is claimed at any moment."""

from __future__ import annotations

import asyncio
from typing import Any

from bridge.contract.jid import Jid
from bridge.contract.lifecycle import SendState
from bridge.contract.pace import Pace
from bridge.contract.session import SessionState
from bridge.core.outbound import CONCURRENT
from bridge.core.pacing import HOLD, Pacing
from bridge.drivers.scripted import SendMode
from bridge.ports import Claimed, OutboxRow
from tests.core.commands import ANA, BETO, CARLA, command
from tests.core.conftest import Bench


async def test_the_next_of_a_chat_waits_for_the_servers_ack_and_no_other_chat_does(bench: Bench) -> None:
    bench.phone.acks = ()
    await bench.start()
    for command_id, text, to in (("a", "1", ANA), ("b", "2", ANA), ("c", "3", BETO)):
        await bench.submit(command(text, to, id=command_id))
    await bench.until(lambda: len(bench.phone.sent) == 2)
    await bench.outbound.drain()
    assert [text for text, _ in bench.sent()] == ["1", "3"]
    bench.phone.acknowledge(bench.phone.sent[0].key.id, 1)
    await bench.until(lambda: len(bench.phone.sent) == 3)
    assert await bench.told("a", 3) == ["accepted", "sent", "server"]


async def test_a_chat_is_held_up_for_sixty_seconds_at_most(bench: Bench) -> None:
    bench.phone.acks = ()
    await bench.start()
    await bench.submit(command("1", id="a"))
    await bench.submit(command("2", id="b"))
    await bench.until(lambda: len(bench.phone.sent) == 1)
    await bench.outbound.drain()
    bench.advance(HOLD + 0.01)
    await bench.until(lambda: len(bench.phone.sent) == 2)
    assert await bench.told_now("a") == ["accepted"]  # still awaited: an hour at most, and no longer than its ttl
    bench.advance(3600)
    assert await bench.told("a", 2) == ["accepted", "unknown"]
    bench.phone.acknowledge(bench.phone.sent[0].key.id, 2)
    assert await bench.told("a", 4) == ["accepted", "unknown", "sent", "device"]


async def test_a_number_that_cannot_be_asked_about_is_tried_again_and_uses_up_nothing(bench: Bench) -> None:
    bench.pacing = Pacing(Pace(0.001, 2), Pace.parse("off", burst=1))
    bench.phone.failing = {Jid.parse(ANA)}
    await bench.start()
    await bench.submit(command("1", id="a"))
    await bench.submit(command("2", id="b"))
    for pause in (2.0, 4.0, 8.0):
        await bench.outbound.drain()
        bench.advance(pause)
    await bench.submit(command("3", BETO, id="c"))
    await bench.told("c", 3)
    bench.phone.failing = set()
    bench.advance(60)
    await bench.told("a", 3)
    assert [text for text, _ in bench.sent()] == ["3", "1"]
    assert bench.outbound.budget == 0


async def test_the_order_of_a_chat_survives_tries_that_failed(bench: Bench) -> None:
    bench.phone.send_mode = SendMode.UNAVAILABLE
    await bench.start()
    for number in range(4):
        await bench.submit(command(str(number), id=str(number)))
    await bench.until(lambda: 0 in bench.outbound._tries or 1 in bench.outbound._tries)
    await bench.outbound.drain()
    bench.phone.send_mode = SendMode.NORMAL
    bench.advance(2)
    await bench.told("3", 3)
    assert [text for text, _ in bench.sent()] == ["0", "1", "2", "3"]
    assert bench.outbound._tries == {}


async def test_slow_chats_take_no_more_calls_than_the_page_is_given(bench: Bench) -> None:
    bench.phone.delay = 0.05
    await bench.start()
    for number in range(CONCURRENT * 2):
        await bench.submit(command(to=f"54911555{number:05d}", id=str(number)))
    await bench.until(lambda: bench.outbound._running == CONCURRENT)
    await bench.told(str(CONCURRENT * 2 - 1), 3)
    assert len(bench.sent()) == CONCURRENT * 2


async def test_drain_waits_for_the_call_under_way_and_starts_no_other(bench: Bench) -> None:
    bench.phone.delay = 0.05
    await bench.start()
    await bench.submit(command(id="a"))
    await bench.submit(command(to=BETO, id="b"))
    await bench.until(lambda: bench.outbound._running == 2)
    bench.outbound.close()
    await bench.submit(command(to=CARLA, id="c"))
    await bench.outbound.drain()
    assert len(bench.sent()) == 2
    row = await bench.store.outbox.get("c")
    assert row is not None
    assert row.state is SendState.ACCEPTED


async def test_a_caller_that_went_away_leaves_a_command_that_is_sent(bench: Bench) -> None:
    await bench.start()
    asking = asyncio.create_task(bench.submit(command(id="a")))
    await asyncio.sleep(0)
    asking.cancel()
    assert await bench.told("a", 3) == ["accepted", "sent", "server"]
    assert asking.cancelled()


async def test_a_claim_that_the_sender_read_before_its_caller_heard_of_it_is_sent_once(bench: Bench) -> None:
    committed, heard = asyncio.Event(), asyncio.Event()

    class Racing:
        def __init__(self, outbox: Any) -> None:
            self._outbox = outbox

        def __getattr__(self, name: str) -> Any:
            return getattr(self._outbox, name)

        async def open_rows(self) -> list[OutboxRow]:
            await committed.wait()
            rows: list[OutboxRow] = await self._outbox.open_rows()
            return rows

        async def claim(self, *command: Any) -> Claimed:
            claimed: Claimed = await self._outbox.claim(*command)
            committed.set()
            await heard.wait()
            return claimed

    await bench.start(around_outbox=Racing)
    asking = asyncio.create_task(bench.submit(command(id="a")))
    await bench.told("a", 3)
    heard.set()
    assert (await asking).status == "accepted"
    await bench.submit(command("Otra", id="b"))
    await bench.told("b", 3)
    assert bench.sent() == [("Hola", 1), ("Otra", 1)]


async def test_what_is_claimed_while_the_page_loads_is_sent_once(bench: Bench) -> None:
    await bench.start(connected=False)
    for number in range(20):
        await bench.submit(command(str(number), f"54911555{number:05d}", id=str(number)))
    await bench.reach(SessionState.CONNECTED)
    for number in range(20):
        assert await bench.told(str(number), 3) == ["accepted", "sent", "server"]
    assert sorted(times for _, times in bench.sent()) == [1] * 20
