"""Many commands: the order in a chat, failed tries, claims at any moment."""

from __future__ import annotations

import asyncio
from typing import Any

from typing_extensions import override

from bridge.contract.jid import Jid
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.contract.pace import Pace
from bridge.contract.session import SessionState
from bridge.core.budgets import Pacing
from bridge.core.open_commands import PAGE
from bridge.core.outbound import CONCURRENT
from bridge.core.pacing import HOLD
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone, SendMode
from bridge.ports import Claimed, OutboxRow
from tests.core.commands import ANA, BETO, CARLA, command
from tests.core.conftest import SessionHarness


async def test_the_next_of_a_chat_waits_for_the_servers_ack_and_no_other_chat_does(harness: SessionHarness) -> None:
    harness.phone.acks = ()
    await harness.start()
    for command_id, text, to in (("a", "1", ANA), ("b", "2", ANA), ("c", "3", BETO)):
        await harness.submit(command(text, to, id=command_id))
    await harness.until(lambda: len(harness.phone.sent) == 2)
    await harness.outbound.drain()
    assert [text for text, _ in harness.sent()] == ["1", "3"]
    harness.phone.acknowledge(harness.phone.sent[0].key.id, 1)
    await harness.until(lambda: len(harness.phone.sent) == 3)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]


async def test_a_chat_is_blocked_for_sixty_seconds_at_most(harness: SessionHarness) -> None:
    harness.phone.acks = ()
    await harness.start()
    await harness.submit(command("1", id="a"))
    await harness.submit(command("2", id="b"))
    await harness.until(lambda: len(harness.phone.sent) == 1)
    await harness.outbound.drain()
    harness.advance(HOLD + 0.01)
    await harness.until(lambda: len(harness.phone.sent) == 2)
    assert await harness.reported_now("a") == ["accepted"]  # still awaited: an hour at most, and no longer than its ttl
    harness.advance(3600)
    assert await harness.reported("a", 2) == ["accepted", "unknown"]
    harness.phone.acknowledge(harness.phone.sent[0].key.id, 2)
    assert await harness.reported("a", 4) == ["accepted", "unknown", "sent", "device"]


async def test_a_number_that_cannot_be_resolved_is_tried_again_and_uses_no_token(harness: SessionHarness) -> None:
    harness.pacing = Pacing(Pace(0.001, 2), Pace.parse("off", burst=1))
    harness.phone.failing = {Jid.parse(ANA)}
    await harness.start()
    await harness.submit(command("1", id="a"))
    await harness.submit(command("2", id="b"))
    for pause in (2.0, 4.0, 8.0):
        await harness.outbound.drain()
        harness.advance(pause)
    await harness.submit(command("3", BETO, id="c"))
    await harness.reported("c", 3)
    harness.phone.failing = set()
    harness.advance(60)
    await harness.reported("a", 3)
    assert [text for text, _ in harness.sent()] == ["3", "1"]
    assert harness.outbound.budget is not None
    assert harness.outbound.budget.answers.left == 0


async def test_the_order_of_a_chat_survives_failed_tries(harness: SessionHarness) -> None:
    harness.phone.send_mode = SendMode.UNAVAILABLE
    await harness.start()
    for number in range(4):
        await harness.submit(command(str(number), id=str(number)))
    await harness.until(lambda: bool(harness.outbound._in_doubt._tries))
    await harness.outbound.drain()
    harness.phone.send_mode = SendMode.NORMAL
    harness.advance(2)
    await harness.reported("3", 3)
    assert [text for text, _ in harness.sent()] == ["0", "1", "2", "3"]
    assert harness.outbound._in_doubt._tries == {}


class HeldDriver(ScriptedDriver):
    """Its sends wait for `go`. `most` were made at once."""

    def __init__(self, phone: ScriptedPhone) -> None:
        super().__init__(phone)
        self.go = asyncio.Event()
        self.most = self.waiting = 0

    @override
    async def send(self, *given: Any) -> int:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await self.go.wait()
        try:
            return await super().send(*given)
        finally:
            self.waiting -= 1


async def test_concurrent_calls_are_limited(harness: SessionHarness) -> None:
    driver = HeldDriver(harness.phone)
    await harness.start(around_driver=lambda _: driver)
    for number in range(CONCURRENT * 2):
        await harness.submit(command(to=f"54911555{number:05d}", id=str(number)))
    await harness.until(lambda: driver.waiting == CONCURRENT)
    driver.go.set()
    await harness.until(lambda: len(harness.sent()) == CONCURRENT * 2)
    assert driver.most == CONCURRENT


async def test_drain_waits_for_running_calls_and_starts_no_other(harness: SessionHarness) -> None:
    driver = HeldDriver(harness.phone)
    await harness.start(around_driver=lambda _: driver)
    await harness.submit(command(id="a"))
    await harness.submit(command(to=BETO, id="b"))
    await harness.until(lambda: driver.waiting == 2)
    harness.outbound.close()
    await harness.submit(command(to=CARLA, id="c"))
    draining = asyncio.create_task(harness.outbound.drain())
    await asyncio.wait([draining], timeout=0.05)
    assert not draining.done()
    driver.go.set()
    await draining
    assert len(harness.sent()) == 2
    row = await harness.store.outbox.get("c")
    assert row is not None
    assert row.state is SendState.ACCEPTED


async def test_a_command_is_sent_even_if_its_caller_disconnects(harness: SessionHarness) -> None:
    await harness.start()
    asking = asyncio.create_task(harness.submit(command(id="a")))
    await asyncio.sleep(0)
    asking.cancel()
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert asking.cancelled()


async def test_a_claim_that_was_loaded_before_its_callback_is_sent_once(harness: SessionHarness) -> None:
    committed, heard = asyncio.Event(), asyncio.Event()

    class Racing:
        def __init__(self, outbox: Any) -> None:
            self._outbox = outbox

        def __getattr__(self, name: str) -> Any:
            return getattr(self._outbox, name)

        async def open_rows(self, after: int, limit: int) -> list[OutboxRow]:
            await committed.wait()
            assert limit == PAGE
            rows: list[OutboxRow] = await self._outbox.open_rows(after, 5)  # several pages
            return rows

        async def claim(self, *command: Any) -> Claimed:
            claimed: Claimed = await self._outbox.claim(*command)
            committed.set()
            await heard.wait()
            return claimed

    await harness.start(around_outbox=Racing)
    asking = asyncio.create_task(harness.submit(command(id="a")))
    await harness.reported("a", 3)
    heard.set()
    assert (await asking).status == "accepted"
    await harness.submit(command("Otra", id="b"))
    await harness.reported("b", 3)
    assert harness.sent() == [("Hola", 1), ("Otra", 1)]


async def test_a_session_connects_and_receives_while_its_open_commands_are_read(harness: SessionHarness) -> None:
    people, count = (ANA, BETO, CARLA), 13
    await harness.start(connected=False)
    await asyncio.gather(*(harness.submit(command(f"{n}", people[n % 3], id=f"{n}")) for n in range(count)))
    read: list[int] = []
    released = asyncio.Event()

    class Paged:
        def __init__(self, outbox: Any) -> None:
            self._outbox = outbox

        def __getattr__(self, name: str) -> Any:
            return getattr(self._outbox, name)

        async def open_rows(self, after: int, limit: int) -> list[OutboxRow]:
            if read:
                await released.wait()
            assert limit == PAGE
            rows: list[OutboxRow] = await self._outbox.open_rows(after, 5)  # several pages
            read.append(len(rows))
            return rows

    harness.phone.acks = (1,)
    await harness.again(around_outbox=Paged)  # until it is connected
    harness.phone.incoming(ANA, "hola")
    await harness.stream(Stream.IN, 1)
    await harness.submit(command("last", ANA, id="last"))
    assert read == [5]
    assert harness.sent() == []
    released.set()
    await harness.concluded("last")
    await harness.until(lambda: len(harness.phone.sent) == count + 1)
    texts = [sent.text for sent in harness.phone.sent]
    for place, person in enumerate(people):
        expected = [f"{n}" for n in range(place, count, 3)] + ["last"] * (person == ANA)
        assert [text for text in texts if text in set(expected)] == expected
    assert all(times == 1 for _, times in harness.sent())


async def test_commands_claimed_while_the_page_loads_are_sent_once(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    for number in range(20):
        await harness.submit(command(str(number), f"54911555{number:05d}", id=str(number)))
    await harness.reach(SessionState.CONNECTED)
    for number in range(20):
        assert await harness.reported(str(number), 3) == ["accepted", "sent", "server"]
    assert sorted(times for _, times in harness.sent()) == [1] * 20
