"""One command from the claim to its last tick, when nothing goes wrong but what people and WhatsApp do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.contract.errors import InvalidRequest, Refused
from bridge.contract.jid import Jid
from bridge.drivers.scripted import SendMode
from bridge.ports import CommandOrigin, DriverUnavailable
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import Bench


async def test_a_send_is_told_from_the_claim_to_the_last_tick(bench: Bench) -> None:
    bench.phone.acks = ()
    await bench.start()
    first = await bench.submit(command(id="a", transaction="t", meta={"n": [1]}))
    assert (first.status, first.to, first.transaction, first.meta) == ("accepted", ANA, "t", {"n": [1]})
    await bench.until(lambda: bool(bench.phone.sent))
    for level in (1, 2, 3):
        bench.phone.acknowledge(bench.phone.sent[0].key.id, level)
    assert await bench.told("a", 5) == ["accepted", "sent", "server", "device", "read"]
    _, sent, ack, *_ = await bench.notices()
    assert sent["message_id"] == ack["message_id"] == str(bench.phone.sent[0].key)
    assert (sent["chat"], sent["transaction"], sent["meta"]) == (ANA, "t", {"n": [1]})
    assert bench.sent() == [("Hola", 1)]


async def test_text_leaves_as_it_came(bench: Bench) -> None:
    await bench.start()
    texts = ["  Hola \n\n", "😀👨‍👩‍👧", "שלום \u202bمرحبا", "x" * 65_536, "e\u0301 é", "a\u2028b"]
    for number, text in enumerate(texts):
        await bench.submit(command(text, id=str(number)))
    await bench.told(str(len(texts) - 1), 3)
    assert [text for text, _ in bench.sent()] == texts


async def test_the_same_id_again_gets_the_result_that_stands_and_no_second_send(bench: Bench) -> None:
    await bench.start()
    await bench.submit(command(id="a"))
    await bench.told("a", 3)
    again = await bench.submit(command(id="a", to="+54 911 5550 0001", ttl=5))
    assert again.status == "sent"
    assert await bench.told("a", 4) == ["accepted", "sent", "server", "sent"]
    assert bench.sent() == [("Hola", 1)]


async def test_the_same_id_with_other_content_is_a_conflict_that_changes_nothing(bench: Bench) -> None:
    await bench.start()
    await bench.submit(command(id="a"))
    await bench.told("a", 3)
    other = await bench.submit(command("Otra", id="a"))
    assert (other.status, other.error and other.error.code) == ("failed", "conflict")
    assert (await bench.submit(command(id="a"))).status == "sent"
    assert bench.sent() == [("Hola", 1)]


async def test_a_command_without_id_gets_one_and_two_of_them_are_two(bench: Bench) -> None:
    await bench.start()
    one, other = await bench.submit(command()), await bench.submit(command())
    assert one.id != other.id
    await bench.told(other.id, 3)
    assert bench.sent() == [("Hola", 1), ("Hola", 1)]


async def test_a_redelivered_command_without_id_is_the_same_one(bench: Bench) -> None:
    await bench.start()
    first = CommandOrigin("wa/haby/out", "00", packet_id=5, dup=False, connection=7)
    again = CommandOrigin("wa/haby/out", "00", packet_id=5, dup=True, connection=8)
    one = await bench.submit(command(), origin=first)
    await bench.told(one.id, 3)
    assert (await bench.submit(command(), origin=again)).id == one.id
    assert bench.sent() == [("Hola", 1)]


async def test_a_wrong_recipient_raises_and_claims_nothing(bench: Bench) -> None:
    await bench.start(connected=False)
    with pytest.raises(InvalidRequest):
        await bench.submit(command(to="hola", id="a"))
    assert await bench.store.outbox.get("a") is None


async def test_a_number_that_is_not_on_whatsapp(bench: Bench) -> None:
    bench.phone.missing = {Jid.parse(ANA)}
    await bench.start()
    await bench.submit(command(id="a"))
    assert await bench.told("a", 2) == ["accepted", "failed:not_on_whatsapp"]


async def test_a_number_goes_to_the_chat_that_whatsapp_names(bench: Bench) -> None:
    bench.phone.lids = {Jid.parse(ANA): Jid.parse("123456789012345@lid")}
    await bench.start()
    await bench.submit(command(id="a"))
    await bench.told("a", 2)
    result = (await bench.notices())[1]
    assert (result["to"], result["chat"]) == (ANA, "123456789012345@lid")


@pytest.mark.parametrize(
    ("mode", "code"), [(SendMode.REFUSED, "refused"), (SendMode.REACH_OUT_LOCKED, "reach_out_locked")]
)
async def test_what_whatsapp_refuses_is_failed_and_the_next_goes_on(bench: Bench, mode: SendMode, code: str) -> None:
    bench.phone.send_mode = mode
    await bench.start()
    await bench.submit(command(id="a"))
    assert await bench.told("a", 2) == ["accepted", f"failed:{code}"]
    bench.phone.send_mode = SendMode.NORMAL
    await bench.submit(command(id="b"))
    assert await bench.told("b", 3) == ["accepted", "sent", "server"]


async def test_a_command_waits_for_the_connection_until_its_time_is_over(bench: Bench) -> None:
    bench.phone.paired = False
    await bench.start(connected=False)
    await bench.submit(command(id="short", ttl=10))
    await bench.submit(command(id="dated", expires_at="2026-09-21T14:13:30Z"))
    await bench.submit(command("Larga", BETO, id="long", ttl=0))
    bench.advance(9.9)
    await asyncio.sleep(0.02)
    assert await bench.told_now("short") == ["accepted"]
    bench.advance(0.2)
    assert await bench.told("short", 2) == ["accepted", "failed:expired"]
    assert await bench.told("dated", 2) == ["accepted", "failed:expired"]
    bench.advance(86_400)
    bench.phone.pair()
    assert await bench.told("long", 3) == ["accepted", "sent", "server"]
    assert bench.sent() == [("Larga", 1)]


async def test_a_thousand_that_expire_together_are_told_together(bench: Bench) -> None:
    bench.phone.paired = False
    await bench.start(connected=False)
    await asyncio.gather(*(bench.submit(command(id=str(number), ttl=10)) for number in range(1000)))
    bench.advance(11)
    assert await bench.told("999", 2) == ["accepted", "failed:expired"]
    await bench.until(lambda: bench.store.outbox.open_count == 0)


async def test_what_expires_while_the_page_thinks_is_not_sent_late(bench: Bench) -> None:
    class SlowToResolve:
        def __init__(self, driver: object) -> None:
            self._driver = driver

        def __getattr__(self, name: str) -> object:
            return getattr(self._driver, name)

        async def resolve(self, to: Jid) -> Jid:
            bench.clock.advance(11)
            return to

    await bench.start(around_driver=SlowToResolve)
    await bench.submit(command(id="a", ttl=10))
    assert await bench.told("a", 2) == ["accepted", "failed:expired"]
    assert bench.sent() == []


async def test_acks_in_any_order_are_told_once_and_only_forward(bench: Bench) -> None:
    bench.phone.acks = ()
    await bench.start()
    await bench.submit(command(id="a"))
    await bench.until(lambda: bool(bench.phone.sent))
    raw_id = bench.phone.sent[0].key.id
    for level in (3, 1, 2, 3, 4, 4, 1):
        bench.phone.acknowledge(raw_id, level)
    assert await bench.told("a", 4) == ["accepted", "sent", "read", "played"]
    await bench.settled()
    assert len(await bench.told_now("a")) == 4


async def test_an_error_after_the_servers_ack_turns_the_result(bench: Bench) -> None:
    await bench.start()
    await bench.submit(command(id="a"))
    await bench.told("a", 3)
    bench.phone.acknowledge(bench.phone.sent[0].key.id, -1)
    assert await bench.told("a", 5) == ["accepted", "sent", "server", "failed:refused", "error"]


async def test_a_tick_may_come_before_the_call_returns(bench: Bench) -> None:
    class AnswersLate:
        def __init__(self, driver: object) -> None:
            self._driver = driver

        def __getattr__(self, name: str) -> object:
            return getattr(self._driver, name)

        async def send(self, key: object, content: object) -> int:
            await self._driver.send(key, content)  # type: ignore[attr-defined]
            await bench.told("a", 3)
            return 0

    await bench.start(around_driver=AnswersLate)
    await bench.submit(command(id="a"))
    assert await bench.told("a", 3) == ["accepted", "sent", "server"]
    await bench.settled()
    assert bench.outbound._pending == {}
    await bench.submit(command("Otra", id="b"))  # its chat is free
    await bench.until(lambda: len(bench.phone.sent) == 2)


@pytest.mark.parametrize("said", [Refused(), DriverUnavailable("The page is loading.")])
async def test_a_tick_that_came_knows_better_than_the_call_that_fails(bench: Bench, said: Exception) -> None:
    class FailsLate:
        def __init__(self, driver: Any) -> None:
            self._driver = driver

        def __getattr__(self, name: str) -> Any:
            return getattr(self._driver, name)

        async def send(self, key: object, content: object) -> int:
            await self._driver.send(key, content)
            await bench.told("a", 3)
            raise said

    await bench.start(around_driver=FailsLate)
    await bench.submit(command(id="a"))
    await bench.told("a", 3)
    await bench.settled()
    assert await bench.told_now("a") == ["accepted", "sent", "server"]
    assert bench.sent() == [("Hola", 1)]
