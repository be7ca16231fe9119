"""Sending to the real bridge: every command answered, none sent twice, whatever the broker loses."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bridge.client import Ack, InvalidRequest, NoAnswer, NoBridge, NoSuchSession, Result, ResultStatus, TooLarge
from bridge.contract.session import SessionState
from bridge.drivers.scripted import SendMode
from tests.client.conftest import Connect, ScriptedBridge
from tests.mosquitto_server import MosquittoServer

TO = "5491155500001"


async def test_a_text_and_its_ticks(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    harness.phone.acks = (1, 2, 3)
    async with client("admin") as sender:
        steps = [
            step
            async for step in sender.send_steps("haby", "+54 9 11 5550-0001", "Hola", meta={"pedido": 7}, until="read")
        ]
    results = [step for step in steps if isinstance(step, Result)]
    assert [result.status for result in results] == ["accepted", "sent"]
    assert {result.to for result in results} == {"5491155500001@c.us"}
    assert results[-1].meta == {"pedido": 7}
    assert [step.ack for step in steps if isinstance(step, Ack)][-1] == "read"
    assert [sent.text for sent in harness.phone.sent] == ["Hola"]


@pytest.mark.parametrize("user", ["sender", "responder"])
async def test_users_of_the_shipped_acl_get_their_answers(harness: ScriptedBridge, client: Connect, user: str) -> None:
    await harness.start()
    async with client(user) as sender:
        result = await sender.send("haby", TO, "Hola", timeout=10)
    assert result.status is ResultStatus.SENT


async def test_repeating_an_id_returns_the_outcome(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    async with client() as sender:
        first = await sender.send("haby", TO, "Hola", id="pedido-7")
        again = await sender.send("haby", TO, "Hola", id="pedido-7")
    assert again == first
    assert [sent.times for sent in harness.phone.sent] == [1]


async def test_the_same_id_with_other_content_is_a_conflict(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    async with client() as sender:
        await sender.send("haby", TO, "Hola", id="pedido-7")
        other = await sender.send("haby", TO, "Chau", id="pedido-7")
    assert (other.status, other.error and other.error.code) == ("failed", "conflict")
    assert [sent.text for sent in harness.phone.sent] == ["Hola"]


async def test_a_conflict_after_the_first_result_belongs_to_another_client(
    harness: ScriptedBridge, client: Connect
) -> None:
    await harness.start()
    harness.phone.send_mode = SendMode.PENDING
    async with client() as sender, client() as other:
        steps = sender.send_steps("haby", TO, "Hola", id="pedido-7")
        assert isinstance(first := await anext(steps), Result)
        assert first.status is ResultStatus.ACCEPTED
        refused = await other.send("haby", TO, "Chau", id="pedido-7")
        assert refused.status is ResultStatus.FAILED
        harness.phone.send_mode = SendMode.NORMAL
        harness.phone.release()
        rest = [step.status async for step in steps if isinstance(step, Result)]
    assert rest == ["sent"]


async def test_a_failure_is_a_result(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    harness.phone.send_mode = SendMode.REFUSED
    async with client() as sender:
        result = await sender.send("haby", TO, "Hola")
    assert (result.status, result.error and result.error.code) == ("failed", "refused")


async def test_a_publish_that_the_broker_lost_is_repeated(
    harness: ScriptedBridge, client: Connect, mosquitto: MosquittoServer
) -> None:
    await harness.start()
    await harness.stop()
    async with client() as sender:
        sending = asyncio.create_task(sender.send("haby", TO, "Hola"), name="sending")
        # the broker has it once another publish of the same connection is acknowledged
        await asyncio.sleep(0)
        await sender.post("haby", TO, "Otra")
        mosquitto.kill()
        (mosquitto.directory / "mosquitto.db").unlink(missing_ok=True)
        mosquitto.start()
        await harness.start()
        result = await sending
    assert result.status is ResultStatus.SENT
    assert [(sent.text, sent.times) for sent in harness.phone.sent] == [("Hola", 1)]


async def test_a_command_waits_for_an_offline_bridge(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    await harness.stop()
    async with client() as sender:
        sending = asyncio.create_task(sender.send("haby", TO, "Hola"), name="sending")
        done, _ = await asyncio.wait([sending], timeout=0.5)
        assert not done
        await harness.start()
        assert (await sending).status is ResultStatus.SENT


async def test_a_command_waiting_for_whatsapp_is_accepted_at_the_timeout(
    harness: ScriptedBridge, client: Connect
) -> None:
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    async with client() as sender:
        waiting = await sender.send("haby", TO, "Hola", id="pedido-7", timeout=1)
        assert waiting.status is ResultStatus.ACCEPTED
        harness.phone.pair()
        result = await sender.send("haby", TO, "Hola", id="pedido-7")
    assert result.status is ResultStatus.SENT
    assert [sent.times for sent in harness.phone.sent] == [1]


async def test_a_hundred_at_once(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    numbers = [f"54911555001{number:02}" for number in range(100)]
    async with client() as sender:
        results = await asyncio.gather(*(sender.send("haby", number, f"Hola {number}") for number in numbers))
    assert {result.status for result in results} == {ResultStatus.SENT}
    assert sorted(sent.key.remote.user for sent in harness.phone.sent) == numbers


async def test_no_answer_says_that_the_bridge_is_offline_and_keeps_the_id(
    harness: ScriptedBridge, client: Connect
) -> None:
    await harness.start()
    await harness.stop()
    async with client() as sender:
        with pytest.raises(NoAnswer, match="haby is offline") as caught:
            await sender.send("haby", TO, "Hola", timeout=0.5)
        await harness.start()
        result = await sender.send("haby", TO, "Hola", id=caught.value.id)
    assert result.status is ResultStatus.SENT
    assert [sent.times for sent in harness.phone.sent] == [1]


async def test_a_session_that_does_not_exist(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    async with client() as sender:
        with pytest.raises(NoSuchSession, match=r"'habi'.*haby"):
            await sender.send("habi", TO, "Hola")
        with pytest.raises(NoSuchSession):
            await sender.status("habi")


async def test_no_bridge(client: Connect) -> None:
    async with client() as sender:
        with pytest.raises(NoBridge, match="wa up"):
            await sender.status("haby")
        with pytest.raises(NoAnswer, match="no bridge is connected"):
            await sender.send("haby", TO, "Hola", timeout=0.5)


@pytest.mark.parametrize(
    ("to", "text", "error"),
    [
        ("Ana", "Hola", InvalidRequest),
        (TO, "   ", InvalidRequest),
        (TO, "nul \0", InvalidRequest),
        (TO, "half \ud83d", InvalidRequest),
        (TO, "x" * 65_537, TooLarge),
    ],
)
async def test_bad_input_is_refused_before_it_is_published(
    client: Connect, to: str, text: str, error: type[Exception]
) -> None:
    async with client() as sender:
        with pytest.raises(error):
            await sender.send("haby", to, text)


async def test_a_command_is_not_repeated_to_another_store(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    harness.phone.send_mode = SendMode.PENDING
    async with client() as sender:
        steps = sender.send_steps("haby", TO, "Hola", id="pedido-8", timeout=30)
        assert isinstance(first := await anext(steps), Result)
        assert first.status is ResultStatus.ACCEPTED
        await harness.stop()
        harness.remove_store()  # like a restored backup that does not contain the command
        harness.phone.send_mode = SendMode.NORMAL
        harness.phone.release()
        await harness.start()
        rest = [step async for step in steps]
    assert [step.status for step in rest if isinstance(step, Result)] == [ResultStatus.UNKNOWN]
    assert [(sent.text, sent.times) for sent in harness.phone.sent] == [("Hola", 1)]


async def test_a_send_at_a_time_is_accepted_and_cancelled(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    at = datetime.now(UTC) + timedelta(hours=1)
    async with client("sender") as sender:
        result = await sender.send("haby", TO, "Hola", id="a", send_at=at, until="accepted")
        assert result.status is ResultStatus.ACCEPTED
        assert result.waits is not None
        assert result.waits.reason == "send_at"
        assert await sender.post("haby", TO, "Hola", id="b", send_at=at) == "b"
        for command_id in ("a", "b", "a"):
            gone = await sender.cancel("haby", command_id)
            assert (gone.id, gone.status, gone.error and gone.error.code) == (command_id, "failed", "cancelled")
        unknown = await sender.cancel("haby", "nothing")
        assert (unknown.status, unknown.error and unknown.error.code) == ("failed", "not_found")
        sent = await sender.send("haby", TO, "ahora", id="c")
        late = await sender.cancel("haby", "c")
        assert (late.status, late.message_id) == (ResultStatus.SENT, sent.message_id)
        with pytest.raises(InvalidRequest):
            await sender.cancel("haby", "")
        with pytest.raises(NoSuchSession):
            await sender.cancel("ventas", "a")
    assert [message.text for message in harness.phone.sent] == ["ahora"]


async def test_a_cancel_is_repeated_until_a_bridge_answers(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    at = datetime.now(UTC) + timedelta(hours=1)
    async with client() as sender:
        await sender.send("haby", TO, "Hola", id="a", send_at=at, until="accepted")
        await harness.stop()
        waiting = asyncio.create_task(sender.cancel("haby", "a", timeout=20))
        await asyncio.sleep(0.2)
        await harness.start()
        assert (await waiting).error is not None
