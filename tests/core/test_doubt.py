"""What may have left: replaced page, look-up, and never a second send without proof."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Content
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedDriver, SendMode
from bridge.ports import CallInDoubt, DriverUnavailable, LookUp
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import Bench


class Watched:
    """The scripted driver with a note of every call, and answers of a test's own."""

    def __init__(self, driver: ScriptedDriver) -> None:
        self._driver = driver
        self.calls: list[str] = []
        self.blind = False  # the page that made a call does not show what came of it
        self.after: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def send(self, key: MessageKey, content: Content) -> int:
        self.calls.append(f"send {key.id[-1]}")
        return await self._driver.send(key, content)

    async def look_up(self, key: MessageKey) -> LookUp:
        self.calls.append(f"look {key.id[-1]}")
        if (act := self.after.pop("look", None)) is not None:
            act()
        if self.blind:
            raise CallInDoubt("The page does not answer.")
        return await self._driver.look_up(key)

    async def reload(self) -> None:
        self.calls.append("reload")
        self.blind = False
        if (act := self.after.pop("reload", None)) is not None:
            act()
        await self._driver.reload()


@pytest.fixture
def watched() -> list[Watched]:
    return []


async def start(bench: Bench, watched: list[Watched], kind: type[Watched] = Watched) -> Watched:
    def around(driver: ScriptedDriver) -> Watched:
        watched.append(kind(driver))
        return watched[-1]

    await bench.start(around_driver=around)
    return watched[-1]


async def test_an_answer_that_was_lost_is_found_on_the_page_that_still_answers(
    bench: Bench, watched: list[Watched]
) -> None:
    bench.phone.send_mode = SendMode.ANSWER_LOST
    driver = await start(bench, watched)
    await bench.submit(command(id="a"))
    assert await bench.told("a", 3) == ["accepted", "sent", "server"]
    assert driver.calls == ["send 1", "look 1"]
    assert bench.sent() == [("Hola", 1)]


async def test_a_page_that_does_not_answer_is_replaced_before_anything_is_decided(
    bench: Bench, watched: list[Watched]
) -> None:
    bench.phone.send_mode, bench.phone.acks = SendMode.ANSWER_LOST, ()
    driver = await start(bench, watched)
    driver.blind = True
    driver.after["reload"] = lambda: bench.phone.acknowledge(bench.phone.sent[0].key.id, 1)
    await bench.submit(command(id="a"))
    assert await bench.told("a", 3) == ["accepted", "sent", "server"]
    assert driver.calls[:3] == ["send 1", "look 1", "reload"]
    assert "send 1" not in driver.calls[1:]
    assert bench.sent() == [("Hola", 1)]


async def test_found_without_an_ack_it_is_waited_for(bench: Bench, watched: list[Watched]) -> None:
    bench.phone.send_mode, bench.phone.acks = SendMode.ANSWER_LOST, ()
    driver = await start(bench, watched)
    driver.blind = True
    await bench.submit(command(id="a"))
    await bench.submit(command("Otra", id="b"))
    await bench.until(lambda: driver.calls == ["send 1", "look 1", "reload", "look 1"])
    await bench.outbound.drain()
    assert await bench.told_now("a") == ["accepted"]
    assert len(bench.sent()) == 1  # the next of the chat waits too
    bench.phone.send_mode, bench.phone.acks = SendMode.NORMAL, (1,)
    bench.phone.acknowledge(bench.phone.sent[0].key.id, 1)
    assert await bench.told("a", 3) == ["accepted", "sent", "server"]
    assert await bench.told("b", 3) == ["accepted", "sent", "server"]
    assert bench.sent() == [("Hola", 1), ("Otra", 1)]


async def test_what_provably_did_not_leave_is_sent_once_more_with_the_same_id(
    bench: Bench, watched: list[Watched]
) -> None:
    bench.phone.send_mode = SendMode.CALL_LOST
    driver = await start(bench, watched)
    driver.after["reload"] = lambda: setattr(bench.phone, "send_mode", SendMode.NORMAL)
    await bench.submit(command(id="a"))
    assert await bench.told("a", 3) == ["accepted", "sent", "server"]
    # the first look-up is on the page whose call may still run: it proves nothing
    assert driver.calls == ["send 1", "look 1", "reload", "look 1", "send 1"]
    assert bench.sent() == [("Hola", 1)]


async def test_it_is_sent_once_more_and_not_for_ever(bench: Bench, watched: list[Watched]) -> None:
    bench.phone.send_mode = SendMode.CALL_LOST
    driver = await start(bench, watched)
    await bench.submit(command(id="a"))
    assert await bench.told("a", 2) == ["accepted", "unknown"]
    assert driver.calls.count("send 1") == 2
    bench.phone.send_mode = SendMode.NORMAL
    await bench.reach(SessionState.CONNECTED)
    await bench.submit(command("Otra", id="b"))
    assert await bench.told("b", 3) == ["accepted", "sent", "server"]


async def test_what_did_not_leave_in_its_time_is_not_sent_late(bench: Bench, watched: list[Watched]) -> None:
    bench.phone.send_mode = SendMode.CALL_LOST
    driver = await start(bench, watched)
    driver.after["reload"] = lambda: bench.clock.advance(11)
    await bench.submit(command(id="a", ttl=10))
    assert await bench.told("a", 2) == ["accepted", "failed:expired"]
    assert driver.calls == ["send 1", "look 1", "reload", "look 1"]


async def test_where_absence_is_not_proven_it_is_unknown_until_an_ack(bench: Bench, watched: list[Watched]) -> None:
    bench.phone.send_mode, bench.phone.look_up_complete = SendMode.CALL_LOST, False
    driver = await start(bench, watched)
    await bench.submit(command(id="a"))
    assert await bench.told("a", 2) == ["accepted", "unknown"]
    assert driver.calls.count("send 1") == 1
    key = (await bench.store.outbox.get("a")).message_id  # type: ignore[union-attr]
    assert key is not None
    await bench.reach(SessionState.CONNECTED)
    bench.phone.own(ANA, "Hola", key=MessageKey.parse(key))  # it had left after all
    bench.phone.acknowledge(MessageKey.parse(key).id, 2)
    assert await bench.told("a", 4) == ["accepted", "unknown", "sent", "device"]


async def test_an_error_that_the_page_shows_is_not_told_as_not_sent(bench: Bench, watched: list[Watched]) -> None:
    class ShowsAnError(Watched):
        async def look_up(self, key: MessageKey) -> LookUp:
            return LookUp(-1, complete=False)

    bench.phone.send_mode, bench.phone.acks = SendMode.ANSWER_LOST, ()
    await start(bench, watched, ShowsAnError)
    await bench.submit(command(id="a"))
    assert await bench.told("a", 3) == ["accepted", "unknown", "error"]
    bench.phone.acknowledge(bench.phone.sent[0].key.id, 1)  # a caller that had repeated it would have sent it twice
    assert await bench.told("a", 5) == ["accepted", "unknown", "error", "sent", "server"]


async def test_a_doubt_that_comes_while_the_link_is_down_replaces_the_page_too(
    bench: Bench, watched: list[Watched]
) -> None:
    bench.phone.send_mode, bench.phone.call_limit = SendMode.CALL_LOST, 0.2
    driver = await start(bench, watched)
    driver.after["reload"] = lambda: setattr(bench.phone, "send_mode", SendMode.NORMAL)
    await bench.submit(command(id="a"))
    await bench.until(lambda: driver.calls == ["send 1"])
    bench.phone.link(up=False)
    await bench.reach(SessionState.RECONNECTING)
    # the call may still run in this page: with the link up again it must not be looked up there as the last word
    await bench.until(lambda: "reload" in driver.calls)
    bench.phone.link(up=True)
    assert await bench.told("a", 3) == ["accepted", "sent", "server"]
    assert driver.calls.index("reload") < len(driver.calls) - driver.calls[::-1].index("send 1") - 1
    assert bench.sent() == [("Hola", 1)]


async def test_a_message_that_hangs_in_the_page_leaves_when_the_link_is_back(
    bench: Bench, watched: list[Watched]
) -> None:
    bench.phone.send_mode = SendMode.PENDING
    driver = await start(bench, watched)
    await bench.submit(command(id="a"))
    await bench.until(lambda: bool(bench.phone.pending))
    bench.phone.send_mode = SendMode.NORMAL
    bench.phone.link(up=False)
    await bench.reach(SessionState.RECONNECTING)
    bench.phone.link(up=True)
    assert await bench.told("a", 3) == ["accepted", "sent", "server"]
    assert driver.calls.count("send 1") == 1
    assert bench.sent() == [("Hola", 1)]


async def test_a_doubtful_chat_holds_up_no_other(bench: Bench, watched: list[Watched]) -> None:
    bench.phone.send_mode, bench.phone.acks = SendMode.PENDING, ()
    await start(bench, watched)
    await bench.submit(command("1", id="a"))
    await bench.until(lambda: bool(bench.phone.pending))
    bench.phone.send_mode, bench.phone.acks = SendMode.NORMAL, (1,)
    await bench.submit(command("2", BETO, id="b"))
    assert await bench.told("b", 3) == ["accepted", "sent", "server"]


@pytest.mark.parametrize("error", [DriverUnavailable("no page"), CallInDoubt("no answer"), RuntimeError("a bug")])
async def test_a_look_up_that_fails_is_made_again_and_stops_nobody(
    bench: Bench, watched: list[Watched], error: Exception
) -> None:
    bench.phone.send_mode, bench.phone.acks = SendMode.ANSWER_LOST, ()
    driver = await start(bench, watched)
    driver.blind = True
    failing = True

    class Failing(Watched):
        async def look_up(self, key: MessageKey) -> LookUp:
            self.calls.append("look")
            if failing:
                raise error
            return await super().look_up(key)

    await bench.submit(command(id="a"))
    await bench.until(lambda: "reload" in driver.calls)
    await bench.end()
    bench.phone.send_mode, bench.phone.acks = SendMode.NORMAL, (1,)
    bench.phone.ack_of[bench.phone.sent[0].key.id] = 2
    await start(bench, watched, Failing)
    await bench.until(lambda: "look" in watched[-1].calls)
    await bench.submit(command("2", BETO, id="b"))
    assert await bench.told("b", 3) == ["accepted", "sent", "server"]
    await bench.outbound.drain()
    failing = False
    bench.advance(2)
    assert await bench.told("a", 3) == ["accepted", "sent", "device"]
    assert "reload" not in watched[-1].calls


async def test_a_fault_while_it_is_prepared_is_a_failure_since_nothing_left(bench: Bench) -> None:
    class Broken(Watched):
        async def resolve(self, to: Jid) -> Jid:
            raise RuntimeError("a bug")

    await bench.start(around_driver=Broken)
    await bench.submit(command(id="a"))
    assert await bench.told("a", 2) == ["accepted", "failed:internal"]


async def test_a_fault_of_the_call_is_a_doubt(bench: Bench, watched: list[Watched]) -> None:
    class Broken(Watched):
        async def send(self, key: MessageKey, content: Content) -> int:
            await super().send(key, content)
            raise RuntimeError("a bug")

    bench.phone.acks = ()
    await start(bench, watched, Broken)
    await bench.submit(command(id="a"))
    await bench.until(lambda: "reload" in watched[-1].calls)
    bench.phone.acknowledge(bench.phone.sent[0].key.id, 1)
    assert (await bench.told("a", 2))[:2] == ["accepted", "sent"]
    assert bench.sent() == [("Hola", 1)]
