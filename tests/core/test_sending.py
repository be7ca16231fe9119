"""One command from the claim to its last ack, with the errors that recipients and WhatsApp cause."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.contract.errors import InvalidRequest, Refused
from bridge.contract.jid import Jid
from bridge.contract.messages import MessageContent, Stream
from bridge.drivers.scripted import SendMode
from bridge.ports import AckChange, CommandOrigin, DriverUnavailable, IncomingMessage
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import SessionHarness


async def test_a_send_is_reported_from_the_claim_to_the_last_ack(harness: SessionHarness) -> None:
    harness.phone.acks = ()
    await harness.start()
    first = await harness.submit(command(id="a", transaction="t", meta={"n": [1]}))
    assert (first.status, first.to, first.transaction, first.meta) == ("accepted", ANA, "t", {"n": [1]})
    await harness.until(lambda: bool(harness.phone.sent))
    for level in (1, 2, 3):
        harness.phone.acknowledge(harness.phone.sent[0].key.id, level)
    assert await harness.reported("a", 5) == ["accepted", "sent", "server", "device", "read"]
    _, sent, ack, *_ = await harness.notices()
    assert sent["message_id"] == ack["message_id"] == str(harness.phone.sent[0].key)
    assert (sent["chat"], sent["transaction"], sent["meta"]) == (ANA, "t", {"n": [1]})
    assert harness.sent() == [("Hola", 1)]


async def test_text_is_sent_unchanged(harness: SessionHarness) -> None:
    await harness.start()
    texts = ["  Hola \n\n", "😀👨‍👩‍👧", "שלום \u202bمرحبا", "x" * 65_536, "e\u0301 é", "a\u2028b"]
    for number, text in enumerate(texts):
        await harness.submit(command(text, id=str(number)))
    await harness.reported(str(len(texts) - 1), 3)
    assert [text for text, _ in harness.sent()] == texts


async def test_the_same_id_again_gets_the_current_result_and_no_second_send(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(command(id="a"))
    await harness.reported("a", 3)
    again = await harness.submit(command(id="a", to="+54 911 5550 0001", ttl=5))
    assert again.status == "sent"
    assert await harness.reported("a", 4) == ["accepted", "sent", "server", "sent"]
    assert harness.sent() == [("Hola", 1)]


async def test_the_same_id_with_other_content_is_a_conflict_that_changes_nothing(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(command(id="a"))
    await harness.reported("a", 3)
    other = await harness.submit(command("Otra", id="a"))
    assert (other.status, other.error and other.error.code) == ("failed", "conflict")
    assert (await harness.submit(command(id="a"))).status == "sent"
    assert harness.sent() == [("Hola", 1)]


async def test_a_command_without_id_gets_one_and_two_of_them_are_two(harness: SessionHarness) -> None:
    await harness.start()
    one, other = await harness.submit(command()), await harness.submit(command())
    assert one.id != other.id
    await harness.reported(other.id, 3)
    assert harness.sent() == [("Hola", 1), ("Hola", 1)]


async def test_a_redelivered_command_without_id_is_the_same_one(harness: SessionHarness) -> None:
    await harness.start()
    first = CommandOrigin("wa/haby/out", "00", packet_id=5, dup=False, connection=7)
    again = CommandOrigin("wa/haby/out", "00", packet_id=5, dup=True, connection=8)
    one = await harness.submit(command(), origin=first)
    await harness.reported(one.id, 3)
    assert (await harness.submit(command(), origin=again)).id == one.id
    assert harness.sent() == [("Hola", 1)]


async def test_a_wrong_recipient_raises_and_claims_nothing(harness: SessionHarness) -> None:
    await harness.start(connected=False)
    with pytest.raises(InvalidRequest):
        await harness.submit(command(to="hola", id="a"))
    assert await harness.store.outbox.get("a") is None


async def test_a_number_that_is_not_on_whatsapp(harness: SessionHarness) -> None:
    harness.phone.missing = {Jid.parse(ANA)}
    await harness.start()
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 2) == ["accepted", "failed:not_on_whatsapp"]


async def test_a_number_goes_to_the_chat_that_whatsapp_names(harness: SessionHarness) -> None:
    harness.phone.lids = {Jid.parse(ANA): Jid.parse("123456789012345@lid")}
    await harness.start()
    await harness.submit(command(id="a"))
    await harness.reported("a", 2)
    result = (await harness.notices())[1]
    assert (result["to"], result["chat"]) == (ANA, "123456789012345@lid")


@pytest.mark.parametrize(
    ("mode", "code"), [(SendMode.REFUSED, "refused"), (SendMode.REACH_OUT_LOCKED, "reach_out_locked")]
)
async def test_a_refused_message_is_failed_and_the_next_is_sent(
    harness: SessionHarness, mode: SendMode, code: str
) -> None:
    harness.phone.send_mode = mode
    await harness.start()
    harness.phone.incoming(ANA, "Hola")  # who never wrote has to wait for the end of the lock
    await harness.stream(Stream.IN, 1)
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 2) == ["accepted", f"failed:{code}"]
    harness.phone.send_mode = SendMode.NORMAL
    await harness.submit(command(id="b"))
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]


async def test_a_command_waits_for_the_connection_until_it_expires(harness: SessionHarness) -> None:
    harness.phone.paired = False
    await harness.start(connected=False)
    await harness.submit(command(id="short", ttl=10))
    await harness.submit(command(id="dated", expires_at="2026-09-21T14:13:30Z"))
    await harness.submit(command("Larga", BETO, id="long", ttl=0))
    harness.advance(9.9)
    await asyncio.sleep(0.02)
    assert await harness.reported_now("short") == ["accepted"]
    harness.advance(0.2)
    assert await harness.reported("short", 2) == ["accepted", "failed:expired"]
    assert await harness.reported("dated", 2) == ["accepted", "failed:expired"]
    harness.advance(86_400)
    harness.phone.pair()
    assert await harness.reported("long", 3) == ["accepted", "sent", "server"]
    assert harness.sent() == [("Larga", 1)]


async def test_a_thousand_that_expire_together_are_reported_together(harness: SessionHarness) -> None:
    harness.phone.paired = False
    await harness.start(connected=False)
    await asyncio.gather(*(harness.submit(command(id=str(number), ttl=10)) for number in range(1000)))
    harness.advance(11)
    assert await harness.reported("999", 2) == ["accepted", "failed:expired"]
    await harness.until(lambda: harness.store.outbox.open_count == 0)


async def test_a_command_that_expires_while_the_page_answers_is_not_sent_late(harness: SessionHarness) -> None:
    class SlowToReserve:
        def __init__(self, driver: object) -> None:
            self._driver: Any = driver

        def __getattr__(self, name: str) -> object:
            return getattr(self._driver, name)

        async def reserve(self, to: Jid) -> object:
            harness.clock.advance(11)
            return await self._driver.reserve(to)

    await harness.start(around_driver=SlowToReserve)
    await harness.submit(command(id="a", ttl=10))
    assert await harness.reported("a", 2) == ["accepted", "failed:expired"]
    assert harness.sent() == []


async def test_acks_in_any_order_are_reported_once_and_only_forward(harness: SessionHarness) -> None:
    harness.phone.acks = ()
    await harness.start()
    await harness.submit(command(id="a"))
    await harness.until(lambda: bool(harness.phone.sent))
    raw_id = harness.phone.sent[0].key.id
    for level in (3, 1, 2, 3, 4, 4, 1):
        harness.phone.acknowledge(raw_id, level)
    assert await harness.reported("a", 4) == ["accepted", "sent", "read", "played"]
    await harness.settled()
    assert len(await harness.reported_now("a")) == 4


async def test_an_error_after_the_servers_ack_changes_the_result(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(command(id="a"))
    await harness.reported("a", 3)
    harness.phone.acknowledge(harness.phone.sent[0].key.id, -1)
    assert await harness.reported("a", 5) == ["accepted", "sent", "server", "failed:refused", "error"]


async def test_an_ack_may_come_before_the_call_returns(harness: SessionHarness) -> None:
    class AnswersLate:
        def __init__(self, driver: object) -> None:
            self._driver = driver

        def __getattr__(self, name: str) -> object:
            return getattr(self._driver, name)

        async def send(self, key: object, content: object, modifiers: object = None, file: object = None) -> int:
            await self._driver.send(key, content, modifiers)  # type: ignore[attr-defined]
            await harness.reported("a", 3)
            return 0

    await harness.start(around_driver=AnswersLate)
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    await harness.settled()
    assert harness.outbound._in_doubt.next_end() is None
    await harness.submit(command("Otra", id="b"))  # its chat is free
    await harness.until(lambda: len(harness.phone.sent) == 2)


@pytest.mark.parametrize("said", [Refused(), DriverUnavailable("The page is loading.")])
async def test_an_ack_outweighs_a_call_that_fails_later(harness: SessionHarness, said: Exception) -> None:
    class FailsLate:
        def __init__(self, driver: Any) -> None:
            self._driver: Any = driver

        def __getattr__(self, name: str) -> Any:
            return getattr(self._driver, name)

        async def send(self, key: object, content: object, modifiers: object = None, file: object = None) -> int:
            await self._driver.send(key, content, modifiers)
            await harness.reported("a", 3)
            raise said

    await harness.start(around_driver=FailsLate)
    await harness.submit(command(id="a"))
    await harness.reported("a", 3)
    await harness.settled()
    assert await harness.reported_now("a") == ["accepted", "sent", "server"]
    assert harness.sent() == [("Hola", 1)]


async def test_typing_is_shown_before_the_message(harness: SessionHarness) -> None:
    harness.phone.chats.add(Jid.parse("5491155500001@c.us"))
    await harness.start()
    await harness.submit(command(id="a", typing=0.5))
    await harness.until(lambda: bool(harness.phone.typing))
    assert harness.sent() == []
    await harness.until(lambda: harness.sent() == [("Hola", 1)])


async def test_a_reply_to_a_message_that_is_not_there_fails(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(command(id="a", reply_to="3EB0DEADBEEFDEADBEEF"))
    assert await harness.reported("a", 2) == ["accepted", "failed:not_found"]
    assert harness.sent() == []


async def test_the_own_messages_and_ticks_of_a_batch_share_a_commit(harness: SessionHarness) -> None:
    harness.phone.acks = ()
    await harness.start()
    for name, to in (("a", ANA), ("b", BETO)):
        await harness.submit(command(id=name, to=to))
    await harness.until(lambda: len(harness.phone.sent) == 2)
    keys = [sent.key for sent in harness.phone.sent]
    ticks = [AckChange((key,), level) for key in keys for level in (1, 2)]
    own = [IncomingMessage(str(key), key, key.remote, "chat", 0, MessageContent(body="Hola")) for key in keys]
    await harness.settled()
    statements: list[str] = []
    await harness.store.database.write(lambda connection: connection.set_trace_callback(statements.append))
    await harness.session.received([own[0], *ticks[:2], own[1], *ticks[2:]])
    await harness.store.database.write(lambda connection: connection.set_trace_callback(None))
    assert sum(line.startswith("INSERT INTO told_once") for line in statements) == 2
    # the messages, and the two steps that each row takes one after the other; not the one of this test
    assert statements.count("BEGIN IMMEDIATE") - 1 <= 3
    for name in "ab":
        assert await harness.reported(name, 4) == ["accepted", "sent", "server", "device"]
