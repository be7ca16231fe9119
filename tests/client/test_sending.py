"""Sending to the real bridge side: every command answered, none sent twice, whatever the broker loses."""

from __future__ import annotations

import asyncio

import pytest

from bridge.client import Ack, InvalidRequest, NoAnswer, NoBridge, NoSuchSession, Result, ResultStatus, TooLarge
from bridge.contract.session import SessionState
from bridge.drivers.scripted import SendMode
from tests.client.conftest import BridgeSide, Connect
from tests.mosquitto_server import MosquittoServer

TO = "5491155500001"


async def test_a_text_and_its_ticks(side: BridgeSide, client: Connect) -> None:
    await side.start()
    side.phone.acks = (1, 2, 3)
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
    assert [sent.text for sent in side.phone.sent] == ["Hola"]


@pytest.mark.parametrize("user", ["sender", "responder"])
async def test_users_of_the_shipped_acl_get_their_answers(side: BridgeSide, client: Connect, user: str) -> None:
    await side.start()
    async with client(user) as sender:
        result = await sender.send("haby", TO, "Hola", timeout=10)
    assert result.status is ResultStatus.SENT


async def test_the_same_id_again_asks_for_the_outcome(side: BridgeSide, client: Connect) -> None:
    await side.start()
    async with client() as sender:
        first = await sender.send("haby", TO, "Hola", id="pedido-7")
        again = await sender.send("haby", TO, "Hola", id="pedido-7")
    assert again == first
    assert [sent.times for sent in side.phone.sent] == [1]


async def test_the_same_id_for_something_else_is_a_conflict(side: BridgeSide, client: Connect) -> None:
    await side.start()
    async with client() as sender:
        await sender.send("haby", TO, "Hola", id="pedido-7")
        other = await sender.send("haby", TO, "Chau", id="pedido-7")
    assert (other.status, other.error and other.error.code) == ("failed", "conflict")
    assert [sent.text for sent in side.phone.sent] == ["Hola"]


async def test_a_conflict_after_the_first_result_is_not_ours(side: BridgeSide, client: Connect) -> None:
    await side.start()
    side.phone.send_mode = SendMode.PENDING
    async with client() as sender, client() as other:
        steps = sender.send_steps("haby", TO, "Hola", id="pedido-7")
        assert isinstance(first := await anext(steps), Result)
        assert first.status is ResultStatus.ACCEPTED
        refused = await other.send("haby", TO, "Chau", id="pedido-7")
        assert refused.status is ResultStatus.FAILED
        side.phone.send_mode = SendMode.NORMAL
        side.phone.release()
        rest = [step.status async for step in steps if isinstance(step, Result)]
    assert rest == ["sent"]


async def test_a_failure_is_a_result(side: BridgeSide, client: Connect) -> None:
    await side.start()
    side.phone.send_mode = SendMode.REFUSED
    async with client() as sender:
        result = await sender.send("haby", TO, "Hola")
    assert (result.status, result.error and result.error.code) == ("failed", "refused")


async def test_a_publish_that_the_broker_lost_is_repeated(
    side: BridgeSide, client: Connect, mosquitto: MosquittoServer
) -> None:
    await side.start()
    await side.stop()
    async with client() as sender:
        sending = asyncio.create_task(sender.send("haby", TO, "Hola"), name="sending")
        # the broker has it once another publish of the same connection is acknowledged
        await asyncio.sleep(0)
        await sender.post("haby", TO, "Otra")
        mosquitto.kill()
        (mosquitto.directory / "mosquitto.db").unlink(missing_ok=True)
        mosquitto.start()
        await side.start()
        result = await sending
    assert result.status is ResultStatus.SENT
    assert [(sent.text, sent.times) for sent in side.phone.sent] == [("Hola", 1)]


async def test_a_command_waits_for_a_bridge_that_is_away(side: BridgeSide, client: Connect) -> None:
    await side.start()
    await side.stop()
    async with client() as sender:
        sending = asyncio.create_task(sender.send("haby", TO, "Hola"), name="sending")
        done, _ = await asyncio.wait([sending], timeout=0.5)
        assert not done
        await side.start()
        assert (await sending).status is ResultStatus.SENT


async def test_a_command_waits_for_whatsapp_and_says_so_at_the_time_out(side: BridgeSide, client: Connect) -> None:
    side.phone.paired = False
    await side.start(until=SessionState.PAIRING)
    async with client() as sender:
        waiting = await sender.send("haby", TO, "Hola", id="pedido-7", timeout=1)
        assert waiting.status is ResultStatus.ACCEPTED
        side.phone.pair()
        result = await sender.send("haby", TO, "Hola", id="pedido-7")
    assert result.status is ResultStatus.SENT
    assert [sent.times for sent in side.phone.sent] == [1]


async def test_a_hundred_at_once(side: BridgeSide, client: Connect) -> None:
    await side.start()
    numbers = [f"54911555001{number:02}" for number in range(100)]
    async with client() as sender:
        results = await asyncio.gather(*(sender.send("haby", number, f"Hola {number}") for number in numbers))
    assert {result.status for result in results} == {ResultStatus.SENT}
    assert sorted(sent.key.remote.user for sent in side.phone.sent) == numbers


async def test_no_answer_tells_that_the_bridge_is_away_and_keeps_the_id(side: BridgeSide, client: Connect) -> None:
    await side.start()
    await side.stop()
    async with client() as sender:
        with pytest.raises(NoAnswer, match="haby is away") as caught:
            await sender.send("haby", TO, "Hola", timeout=0.5)
        await side.start()
        result = await sender.send("haby", TO, "Hola", id=caught.value.id)
    assert result.status is ResultStatus.SENT
    assert [sent.times for sent in side.phone.sent] == [1]


async def test_a_session_that_does_not_exist(side: BridgeSide, client: Connect) -> None:
    await side.start()
    async with client() as sender:
        with pytest.raises(NoSuchSession, match=r"'habi'.*haby"):
            await sender.send("habi", TO, "Hola")
        with pytest.raises(NoSuchSession):
            await sender.status("habi")


async def test_nobody_there(client: Connect) -> None:
    async with client() as sender:
        with pytest.raises(NoBridge, match="wa up"):
            await sender.status("haby")
        with pytest.raises(NoAnswer, match="no bridge has been seen"):
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
async def test_bad_input_is_refused_before_it_travels(
    client: Connect, to: str, text: str, error: type[Exception]
) -> None:
    async with client() as sender:
        with pytest.raises(error):
            await sender.send("haby", to, text)


async def test_a_command_is_not_repeated_to_another_store(side: BridgeSide, client: Connect) -> None:
    await side.start()
    side.phone.send_mode = SendMode.PENDING
    async with client() as sender:
        steps = sender.send_steps("haby", TO, "Hola", id="pedido-8", timeout=30)
        assert isinstance(first := await anext(steps), Result)
        assert first.status is ResultStatus.ACCEPTED
        await side.stop()
        side.forget()  # as a restored backup that knows nothing of the command
        side.phone.send_mode = SendMode.NORMAL
        side.phone.release()
        await side.start()
        rest = [step async for step in steps]
    assert [step.status for step in rest if isinstance(step, Result)] == [ResultStatus.UNKNOWN]
    assert [(sent.text, sent.times) for sent in side.phone.sent] == [("Hola", 1)]
