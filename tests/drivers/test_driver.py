"""One suite for every driver: what the port guarantees."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import pytest

from bridge.contract.errors import InvalidRequest, NotOnWhatsApp
from bridge.contract.jid import Jid
from bridge.contract.kinds import Text
from bridge.contract.requests import Typing
from bridge.contract.session import Reason, SessionState
from bridge.ports import CallInDoubt, DriverUnavailable, IncomingMessage, PairingCode, WhatsAppDriver
from tests.drivers.recording import running
from tests.drivers.worlds import (
    ANA,
    CARLA,
    CARLA_LID,
    DARIO,
    ELENA,
    GROUP,
    MEMBER,
    STRANGER,
    UNANSWERED,
    UNREGISTERED,
    World,
    connected,
)


async def collected(
    driver: WhatsAppDriver, since: dict[str, int] | None = None, baseline: int = 0
) -> list[IncomingMessage]:
    return [message async for batch in driver.collect(since or {}, baseline) for message in batch]


async def test_pairing_shows_a_code_then_the_login_then_the_connection(world: World) -> None:
    driver = world.driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        assert sink.states == [SessionState.STARTING, SessionState.CONNECTING, SessionState.PAIRING]
        assert sink.accounts == []
        with pytest.raises(DriverUnavailable):
            await driver.resolve(Jid.parse(ANA))
        world.pair()
        await sink.until_state(SessionState.CONNECTED)
    code, gone = sink.codes
    assert isinstance(code, PairingCode)
    assert len(code.code.split(",")) == 5
    assert gone is None
    (account,) = sink.accounts
    assert str(account.pn) == "5491155500000@c.us"
    assert account.paired_at is not None
    assert account.paired_at <= account.service_time
    assert sink.reports.index(account) < sink.reports.index(sink.situations[-1])


@pytest.mark.parametrize(
    ("chat", "author"), [(ANA, None), (CARLA_LID, None), (GROUP, MEMBER)], ids=["number", "lid", "group"]
)
async def test_an_incoming_text(world: World, chat: str, author: str | None) -> None:
    async with connected(world) as (_, sink):
        raw_id = world.incoming(chat, "¿Hay turno?", author)
        await sink.until(lambda: sink.messages)
    (message,) = sink.messages
    assert (str(message.chat), message.body, message.type) == (chat, "¿Hay turno?", "chat")
    assert (message.author and str(message.author)) == author
    assert message.key.id == raw_id
    assert message.id == str(message.key)
    assert not message.key.from_me
    assert not message.history


async def test_a_message_that_the_owner_types_on_the_phone(world: World) -> None:
    async with connected(world) as (_, sink):
        world.own(ANA, "yo")
        await sink.until(lambda: sink.messages)
    (message,) = sink.messages
    assert message.key.from_me
    assert (str(message.chat), message.body, message.author) == (ANA, "yo", None)


async def test_a_reserved_message_is_sent_once_and_its_acks_come_in_order(world: World) -> None:
    world.manual_acks()
    async with connected(world) as (driver, sink):
        key = await driver.reserve(Jid.parse(ANA))
        assert world.sent() == {}
        assert await driver.send(key, Text("hola")) in (0, 1)
        assert world.sent() == {key.id: ("hola", 1)}
        for count, level in enumerate((1, 2, 3), start=1):
            world.acknowledge(key.id, level)
            await sink.until(partial(lambda expected: len(sink.acks(key.id)) == expected, count))
        found = await driver.look_up(key)
    assert sink.acks(key.id) == [1, 2, 3]
    assert found.ack is not None
    assert found.ack >= 1


async def test_a_reserved_message_that_was_never_sent_is_not_found(world: World) -> None:
    async with connected(world) as (driver, _):
        key = await driver.reserve(Jid.parse(ANA))
        assert (await driver.look_up(key)).ack is None


@pytest.mark.parametrize("chat", [CARLA_LID, GROUP])
async def test_a_send_to_a_chat_of_another_kind(world: World, chat: str) -> None:
    async with connected(world) as (driver, sink):
        key = await driver.reserve(await driver.resolve(Jid.parse(chat)))
        assert str(key.remote) == chat
        await driver.send(key, Text("hola"))
        await sink.until(lambda: sink.acks(key.id))
    assert world.sent() == {key.id: ("hola", 1)}


async def test_resolving(world: World) -> None:
    async with connected(world) as (driver, _):
        assert str(await driver.resolve(Jid.parse(ANA))) == ANA
        assert str(await driver.resolve(Jid.parse(ELENA))) == ELENA
        assert str(await driver.resolve(Jid.parse(CARLA))) == CARLA_LID
        assert str(await driver.resolve(Jid.parse(DARIO))) == DARIO
        with pytest.raises(NotOnWhatsApp):
            await driver.resolve(Jid.parse(UNREGISTERED))
        with pytest.raises(DriverUnavailable):  # an error of the service is not "no such number"
            await driver.resolve(Jid.parse(UNANSWERED))
        with pytest.raises(InvalidRequest):
            await driver.resolve(Jid.parse(STRANGER))


async def shown(world: World, chat: str, *, typing: bool) -> None:
    async with asyncio.timeout(10):
        while world.typing_in(chat) is not typing:  # noqa: ASYNC110 - no driver reports it
            await asyncio.sleep(0.01)


async def test_typing_is_shown_until_it_is_ended_or_expires(world: World) -> None:
    async with connected(world) as (driver, sink):
        for seconds in (30, 0):
            await driver.answer(Typing(to=CARLA, seconds=seconds))
            await shown(world, CARLA_LID, typing=seconds > 0)
        await driver.answer(Typing(to=ANA, seconds=0.3))
        for typing in (True, False):
            await shown(world, ANA, typing=typing)
        await driver.answer(Typing(to=STRANGER, seconds=30))  # no chat: no number is looked up
        assert not world.typing_in(STRANGER)
        world.link(up=False)
        await sink.until_state(SessionState.RECONNECTING)
        with pytest.raises(DriverUnavailable):
            await driver.answer(Typing(to=ANA, seconds=5))


async def test_a_lost_link_is_reported_and_nothing_is_sent_meanwhile(world: World) -> None:
    async with connected(world) as (driver, sink):
        key = await driver.reserve(Jid.parse(ANA))
        world.link(up=False)
        lost = await sink.until_state(SessionState.RECONNECTING)
        assert lost.reason is Reason.LINK_DOWN
        with pytest.raises(DriverUnavailable):
            await driver.send(key, Text("hola"))
        seen = len(sink.situations)
        world.link(up=True)
        await sink.until_state(SessionState.CONNECTED, since=seen)
    assert world.sent() == {}


async def test_a_send_that_hangs_is_pending_or_in_doubt_and_its_ack_comes_later(world: World) -> None:
    async with connected(world) as (driver, sink):
        key = await driver.reserve(Jid.parse(ANA))
        world.hold_sends(hold=True)
        with suppress(CallInDoubt):
            assert await driver.send(key, Text("hola")) == 0
        assert world.sent() == {}
        world.hold_sends(hold=False)
        world.link(up=False)
        await sink.until_state(SessionState.RECONNECTING)
        seen = len(sink.situations)
        world.link(up=True)
        await sink.until_state(SessionState.CONNECTED, since=seen)
        await driver.resume()
        await sink.until(lambda: sink.acks(key.id))
    assert world.sent() == {key.id: ("hola", 1)}


async def test_a_batch_that_is_not_taken_is_repeated(world: World) -> None:
    async with connected(world) as (_, sink):
        sink.refuse_batches = 1
        raw_id = world.incoming(ANA, "importante")
        await sink.until(lambda: sink.messages)
        assert sink.refused == 1
        world.incoming(ANA, "lo siguiente")
        await sink.until(lambda: len(sink.messages) > 1)
    assert [m.body for m in sink.messages] == ["importante", "lo siguiente"]
    assert sink.messages[0].key.id == raw_id


async def test_live_items_wait_for_catch_up(world: World) -> None:
    driver = world.driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        world.pair()
        await sink.until_state(SessionState.CONNECTED)
        world.incoming(ANA, "uno")
        assert [m.body for m in await collected(driver)] == ["uno"]
        assert sink.batches == []
        await driver.resume()
        await sink.until(lambda: sink.messages)
        world.link(up=False)
        await sink.until_state(SessionState.RECONNECTING)
        seen = len(sink.situations)
        world.incoming(ANA, "dos")
        world.link(up=True)
        await sink.until_state(SessionState.CONNECTED, since=seen)
        assert [m.body for m in await collected(driver)] == ["uno", "dos"]
        assert [m.body for m in sink.messages] == ["uno"]
        await driver.resume()
        world.incoming(ANA, "tres")
        await sink.until(lambda: "tres" in [m.body for m in sink.messages])


async def test_messages_from_while_no_bridge_ran_are_collected_from_the_watermark(world: World) -> None:
    async with connected(world) as (driver, sink):
        world.incoming(ANA, "antes")
        await sink.until(lambda: sink.messages)
        watermark = sink.messages[0].timestamp
    for number in range(250):  # many times what a page holds in memory after a load
        world.incoming(ANA, f"{number}")
    world.incoming(GROUP, "en el grupo", MEMBER)
    world.own(CARLA_LID, "mío")
    driver = world.driver()
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        found = await collected(driver, {ANA: watermark}, baseline=watermark)
        nothing = await collected(driver, {ANA: watermark + 1000, GROUP: watermark + 1000}, baseline=watermark + 1000)
        await driver.resume()
    assert [m.body for m in found if str(m.chat) == ANA] == ["antes", *map(str, range(250))]
    assert [(m.body, str(m.author)) for m in found if str(m.chat) == GROUP] == [("en el grupo", MEMBER)]
    assert [(m.body, m.key.from_me) for m in found if str(m.chat) == CARLA_LID] == [("mío", True)]
    assert len({m.id for m in found}) == len(found) == 253
    assert nothing == []


async def test_messages_that_arrived_in_the_page_are_collected_in_order(world: World) -> None:
    async with connected(world) as (driver, sink):
        for number in range(150):  # within a second or two: the time alone does not give the order
            world.incoming(ANA, f"{number}")
        await sink.until(lambda: len(sink.messages) == 150)
        assert [m.body for m in await collected(driver)] == [f"{number}" for number in range(150)]


async def test_messages_from_before_the_pairing_are_history(world: World) -> None:
    world.incoming(ANA, "de antes")
    async with connected(world) as (driver, _):
        world.incoming(ANA, "nuevo")
        assert [(m.body, m.history) for m in await collected(driver)] == [("de antes", True), ("nuevo", False)]


async def test_history_that_the_phone_sends_later_is_collected_then(world: World) -> None:
    world.withhold_history()
    world.incoming(ANA, "de antes")
    world.incoming(ELENA, "lo único")
    async with connected(world) as (driver, sink):
        world.incoming(ANA, "nuevo")
        await sink.until(lambda: sink.messages)
        assert [m.body for m in await collected(driver)] == ["nuevo"]
        world.send_history()
        async with asyncio.timeout(10):
            while len(found := await collected(driver)) < 3:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.05)
        assert [m.body for m in found if str(m.chat) == ANA] == ["de antes", "nuevo"]
        assert [m.body for m in found if str(m.chat) == ELENA] == ["lo único"]
        assert [m.body for m in sink.messages] == ["nuevo"]


@pytest.mark.parametrize("same", [True, False], ids=["same driver", "another driver"])
async def test_a_restart_restores_the_login(world: World, same: bool) -> None:
    async with connected(world) as (driver, _):
        pass
    with pytest.raises(DriverUnavailable):
        await driver.reserve(Jid.parse(ANA))
    async with running(driver if same else world.driver()) as sink:
        await sink.until_state(SessionState.CONNECTED)
    assert sink.codes == []
    (account,) = sink.accounts
    assert account.paired_at is None


async def test_a_login_that_was_deleted_is_gone(world: World) -> None:
    async with connected(world) as (driver, _):
        pass
    await driver.delete_login()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        assert sink.accounts == []
        world.pair()
        await sink.until_state(SessionState.CONNECTED)


async def test_the_phone_ends_the_login(world: World) -> None:
    async with connected(world) as (driver, sink):
        seen = len(sink.situations)
        world.log_out()
        gone = await sink.until_state(SessionState.LOGGED_OUT, since=seen)
        assert gone.reason is Reason.LOGGED_OUT_BY_PHONE
        await sink.until_state(SessionState.PAIRING, since=seen)
        await sink.until(lambda: isinstance(sink.codes[-1], PairingCode))
        with pytest.raises(DriverUnavailable):
            await driver.reserve(Jid.parse(ANA))
        world.pair()
        await sink.until(lambda: len(sink.accounts) > 1)
        await sink.until(lambda: sink.states[-1] is SessionState.CONNECTED)


async def test_a_log_out_on_request(world: World) -> None:
    async with connected(world) as (driver, sink):
        await driver.log_out()
        gone = await sink.until_state(SessionState.LOGGED_OUT)
        assert gone.reason is Reason.LOGGED_OUT_ON_REQUEST
        await sink.until_state(SessionState.PAIRING, since=len(sink.states) - 1)


async def test_a_reload_comes_up_again_with_the_login(world: World) -> None:
    async with connected(world) as (driver, sink):
        seen = len(sink.situations)
        await driver.reload()
        with pytest.raises(DriverUnavailable):
            await driver.reserve(Jid.parse(ANA))
        await sink.until_state(SessionState.CONNECTED, since=seen)
        assert sink.states[seen] is SessionState.RECONNECTING
        await driver.resume()
        world.incoming(ANA, "sigue")
        await sink.until(lambda: sink.messages)
