"""Sends in doubt: page replaced, look-up, and never a second send without proof."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.commands import SendCommand, checked
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Content
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedDriver, SendMode
from bridge.ports import CallInDoubt, DriverUnavailable, LookUp, StoreUnusable
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import SessionHarness
from tests.sample_files import PNG


class Watched:
    """The scripted driver that records every call and runs a test's hooks."""

    def __init__(self, driver: ScriptedDriver) -> None:
        self._driver = driver
        self.calls: list[str] = []
        self.blind = False  # the page that made a call does not answer a look-up
        self.after: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def send(
        self, key: MessageKey, content: Content, modifiers: Modifiers = NO_MODIFIERS, file: Path | None = None
    ) -> int:
        self.calls.append(f"send {key.id[-1]}")
        return await self._driver.send(key, content, modifiers, file)

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


async def start(harness: SessionHarness, watched: list[Watched], kind: type[Watched] = Watched) -> Watched:
    def around(driver: ScriptedDriver) -> Watched:
        watched.append(kind(driver))
        return watched[-1]

    await harness.start(around_driver=around)
    return watched[-1]


async def test_a_lost_answer_is_looked_up_on_a_page_that_still_answers(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    harness.phone.send_mode = SendMode.ANSWER_LOST
    driver = await start(harness, watched)
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert driver.calls == ["send 1", "look 1"]
    assert harness.sent() == [("Hola", 1)]


async def test_a_page_that_does_not_answer_is_replaced_before_the_look_up(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    harness.phone.send_mode, harness.phone.acks = SendMode.ANSWER_LOST, ()
    driver = await start(harness, watched)
    driver.blind = True
    driver.after["reload"] = lambda: harness.phone.acknowledge(harness.phone.sent[0].key.id, 1)
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert driver.calls[:3] == ["send 1", "look 1", "reload"]
    assert "send 1" not in driver.calls[1:]
    assert harness.sent() == [("Hola", 1)]


async def test_a_message_found_without_an_ack_is_waited_for(harness: SessionHarness, watched: list[Watched]) -> None:
    harness.phone.send_mode, harness.phone.acks = SendMode.ANSWER_LOST, ()
    driver = await start(harness, watched)
    driver.blind = True
    await harness.submit(command(id="a"))
    await harness.submit(command("Otra", id="b"))
    await harness.until(lambda: driver.calls == ["send 1", "look 1", "reload", "look 1"])
    await harness.outbound.drain()
    assert await harness.reported_now("a") == ["accepted"]
    assert len(harness.sent()) == 1  # the next of the chat waits too
    harness.phone.send_mode, harness.phone.acks = SendMode.NORMAL, (1,)
    harness.phone.acknowledge(harness.phone.sent[0].key.id, 1)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]
    assert harness.sent() == [("Hola", 1), ("Otra", 1)]


async def test_a_message_that_was_provably_not_sent_is_sent_once_more_with_the_same_id(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    harness.phone.send_mode = SendMode.CALL_LOST
    driver = await start(harness, watched)
    driver.after["reload"] = lambda: setattr(harness.phone, "send_mode", SendMode.NORMAL)
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    # the first look-up is on the page whose call may still run: it proves nothing
    assert driver.calls == ["send 1", "look 1", "reload", "look 1", "send 1"]
    assert harness.sent() == [("Hola", 1)]


async def test_it_is_sent_once_more_and_not_indefinitely(harness: SessionHarness, watched: list[Watched]) -> None:
    harness.phone.send_mode = SendMode.CALL_LOST
    driver = await start(harness, watched)
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 2) == ["accepted", "unknown"]
    assert driver.calls.count("send 1") == 2
    harness.phone.send_mode = SendMode.NORMAL
    await harness.reach(SessionState.CONNECTED)
    await harness.submit(command("Otra", id="b"))
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]


async def test_an_expired_command_is_not_sent_late(harness: SessionHarness, watched: list[Watched]) -> None:
    harness.phone.send_mode = SendMode.CALL_LOST
    driver = await start(harness, watched)
    driver.after["reload"] = lambda: harness.clock.advance(11)
    await harness.submit(command(id="a", ttl=10))
    assert await harness.reported("a", 2) == ["accepted", "failed:expired"]
    assert driver.calls == ["send 1", "look 1", "reload", "look 1"]


async def test_without_proven_absence_it_is_unknown_until_an_ack(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    harness.phone.send_mode, harness.phone.look_up_complete = SendMode.CALL_LOST, False
    driver = await start(harness, watched)
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 2) == ["accepted", "unknown"]
    assert driver.calls.count("send 1") == 1
    key = (await harness.store.outbox.get("a")).message_id  # type: ignore[union-attr]
    assert key is not None
    await harness.reach(SessionState.CONNECTED)
    harness.phone.own(ANA, "Hola", key=MessageKey.parse(key))  # it was sent after all
    harness.phone.acknowledge(MessageKey.parse(key).id, 2)
    assert await harness.reported("a", 4) == ["accepted", "unknown", "sent", "device"]


async def test_a_refusal_that_the_look_up_finds_is_final(harness: SessionHarness, watched: list[Watched]) -> None:
    class ShowsAnError(Watched):
        async def look_up(self, key: MessageKey) -> LookUp:
            return LookUp(-1, complete=False)

    harness.phone.send_mode = SendMode.CALL_LOST
    await start(harness, watched, ShowsAnError)
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 3) == ["accepted", "failed:refused", "error"]


async def test_a_doubt_while_the_link_is_down_also_replaces_the_page(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    harness.phone.send_mode, harness.phone.call_limit = SendMode.CALL_LOST, 0.2
    driver = await start(harness, watched)
    driver.after["reload"] = lambda: setattr(harness.phone, "send_mode", SendMode.NORMAL)
    await harness.submit(command(id="a"))
    await harness.until(lambda: driver.calls == ["send 1"])
    harness.phone.link(up=False)
    await harness.reach(SessionState.RECONNECTING)
    # the call may still run in this page: a look-up there is not conclusive once the link is up again
    await harness.until(lambda: "reload" in driver.calls)
    harness.phone.link(up=True)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert driver.calls.index("reload") < len(driver.calls) - driver.calls[::-1].index("send 1") - 1
    assert harness.sent() == [("Hola", 1)]


async def test_a_message_pending_in_the_page_is_sent_when_the_link_is_back(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    harness.phone.send_mode = SendMode.PENDING
    driver = await start(harness, watched)
    await harness.submit(command(id="a"))
    await harness.until(lambda: bool(harness.phone.pending))
    harness.phone.send_mode = SendMode.NORMAL
    harness.phone.link(up=False)
    await harness.reach(SessionState.RECONNECTING)
    harness.phone.link(up=True)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert driver.calls.count("send 1") == 1
    assert harness.sent() == [("Hola", 1)]


async def test_a_chat_in_doubt_delays_no_other(harness: SessionHarness, watched: list[Watched]) -> None:
    harness.phone.send_mode, harness.phone.acks = SendMode.PENDING, ()
    await start(harness, watched)
    await harness.submit(command("1", id="a"))
    await harness.until(lambda: bool(harness.phone.pending))
    harness.phone.send_mode, harness.phone.acks = SendMode.NORMAL, (1,)
    await harness.submit(command("2", BETO, id="b"))
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]


@pytest.mark.parametrize("error", [DriverUnavailable("no page"), CallInDoubt("no answer"), RuntimeError("a bug")])
async def test_a_failed_look_up_is_repeated_and_blocks_no_other_chat(
    harness: SessionHarness, watched: list[Watched], error: Exception
) -> None:
    harness.phone.send_mode, harness.phone.acks = SendMode.ANSWER_LOST, ()
    driver = await start(harness, watched)
    driver.blind = True
    failing = True

    class Failing(Watched):
        async def look_up(self, key: MessageKey) -> LookUp:
            self.calls.append("look")
            if failing:
                raise error
            return await super().look_up(key)

    await harness.submit(command(id="a"))
    await harness.until(lambda: "reload" in driver.calls)
    await harness.end()
    harness.phone.send_mode, harness.phone.acks = SendMode.NORMAL, (1,)
    harness.phone.ack_of[harness.phone.sent[0].key.id] = 2
    await start(harness, watched, Failing)
    await harness.until(lambda: "look" in watched[-1].calls)
    await harness.submit(command("2", BETO, id="b"))
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]
    await harness.outbound.drain()
    failing = False
    harness.advance(2)
    assert await harness.reported("a", 3) == ["accepted", "sent", "device"]
    assert "reload" not in watched[-1].calls


async def test_an_internal_error_during_preparation_is_a_failure(harness: SessionHarness) -> None:
    class Broken(Watched):
        async def reserve(self, to: Jid) -> MessageKey:
            raise RuntimeError("a bug")

    await harness.start(around_driver=Broken)
    await harness.submit(command(id="a"))
    assert await harness.reported("a", 2) == ["accepted", "failed:internal"]


async def test_an_internal_error_during_the_call_is_a_doubt(harness: SessionHarness, watched: list[Watched]) -> None:
    class Broken(Watched):
        async def send(
            self, key: MessageKey, content: Content, modifiers: Modifiers = NO_MODIFIERS, file: Path | None = None
        ) -> int:
            await super().send(key, content, modifiers, file)
            raise RuntimeError("a bug")

    harness.phone.acks = ()
    await start(harness, watched, Broken)
    await harness.submit(command(id="a"))
    await harness.until(lambda: "reload" in watched[-1].calls)
    harness.phone.acknowledge(harness.phone.sent[0].key.id, 1)
    assert (await harness.reported("a", 2))[:2] == ["accepted", "sent"]
    assert harness.sent() == [("Hola", 1)]


async def resent(harness: SessionHarness, watched: list[Watched]) -> Watched:
    """A session whose page holds the message of command `a`, stopped by a load."""
    harness.phone.send_mode = SendMode.PENDING
    driver = await start(harness, watched)
    await harness.submit(command(id="a"))
    await harness.until(lambda: bool(harness.phone.pending))
    await harness.outbound.drain()
    return driver


async def test_a_message_that_a_load_stopped_is_sent_again_under_its_id(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    driver = await resent(harness, watched)
    harness.phone.send_mode = SendMode.NORMAL
    harness.phone.stop(harness.phone.pending[0].key.id)
    harness.phone.crash()
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert driver.calls == ["send 1", "look 1"]
    assert harness.sent() == [("Hola", 1)]


async def test_a_message_that_stops_on_the_same_page_is_sent_again_at_once(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    await resent(harness, watched)
    harness.phone.send_mode = SendMode.NORMAL
    harness.phone.stop(harness.phone.pending[0].key.id, announce=True)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert harness.sent() == [("Hola", 1)]


@pytest.mark.parametrize("mode", [SendMode.REFUSED, SendMode.CALL_LOST])
async def test_a_repetition_that_fails_leaves_the_outcome_unknown_at_once(
    harness: SessionHarness, watched: list[Watched], mode: SendMode
) -> None:
    await resent(harness, watched)
    harness.phone.send_mode = mode
    raw_id = harness.phone.pending[0].key.id
    harness.phone.stop(raw_id, announce=True)
    assert await harness.reported("a", 2) == ["accepted", "unknown"]
    harness.phone.acknowledge(raw_id, -1)  # the refusal of the repetition
    harness.phone.acknowledge(raw_id, 1)
    assert await harness.reported("a", 4) == ["accepted", "unknown", "sent", "server"]


class CutOff(Watched):
    """Its page goes during an upload; the next one shows the message as stopped, without its file."""

    async def look_up(self, key: MessageKey) -> LookUp:
        await super().look_up(key)
        return LookUp(0, stopped=True, not_uploaded=True)


@pytest.mark.parametrize(
    ("then", "states"),
    [
        (SendMode.NORMAL, ["accepted", "sent", "server"]),
        (SendMode.REFUSED, ["accepted", "unknown"]),
        (SendMode.CALL_LOST, ["accepted", "unknown"]),  # cut off once more: there is no third try
    ],
)
async def test_a_message_whose_upload_was_cut_off_is_sent_once_more_with_its_file(
    harness: SessionHarness, watched: list[Watched], then: SendMode, states: list[str]
) -> None:
    harness.phone.send_mode = SendMode.CALL_LOST
    driver = await start(harness, watched, CutOff)
    driver.after["look"] = lambda: setattr(harness.phone, "send_mode", then)
    await harness.submit(checked(SendCommand, {"id": "a", "to": ANA, "image": {"data": b64encode(PNG).decode()}}))
    assert await harness.reported("a", len(states)) == states
    assert driver.calls == ["send 1", "look 1", "send 1"]
    assert [(sent.sha256, sent.times) for sent in harness.phone.sent] == (
        [(sha256(PNG).hexdigest(), 1)] if then is SendMode.NORMAL else []
    )


async def test_a_stopped_message_that_has_expired_is_not_sent_again(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    harness.phone.send_mode = SendMode.PENDING
    await start(harness, watched)
    await harness.submit(command(id="a", ttl=3000))
    await harness.until(lambda: bool(harness.phone.pending))
    await harness.outbound.drain()
    harness.clock.advance(3001)
    harness.phone.send_mode = SendMode.NORMAL
    harness.phone.stop(harness.phone.pending[0].key.id, announce=True)
    assert await harness.reported("a", 2) == ["accepted", "unknown"]
    assert harness.sent() == []


class CannotResend(Watched):
    """Its page fails in a way that no one foresaw when a message is to be sent again; the second time it works."""

    async def resend(self, key: MessageKey) -> int:
        self.calls.append("resend")
        if self.calls.count("resend") == 1:
            raise KeyError("ack")
        return await self._driver.resend(key)


async def test_a_repetition_that_raises_anything_else_is_tried_later_and_ends_nothing(
    harness: SessionHarness, watched: list[Watched]
) -> None:
    harness.phone.send_mode = SendMode.PENDING
    driver = await start(harness, watched, CannotResend)
    await harness.submit(command(id="a"))
    await harness.until(lambda: bool(harness.phone.pending))
    await harness.outbound.drain()
    harness.phone.send_mode = SendMode.NORMAL
    harness.phone.stop(harness.phone.pending[0].key.id, announce=True)
    await harness.until(lambda: "resend" in driver.calls)
    await harness.outbound.drain()
    harness.clock.advance(60)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert harness.sent() == [("Hola", 1)]


@pytest.mark.parametrize("content", [{"message": "Hola"}, {"reaction": {"message_id": "", "emoji": "👍"}}])
async def test_a_store_that_fails_before_the_call_ends_the_session_and_fails_no_command(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]
) -> None:
    message = harness.phone.incoming(ANA, "Hola")
    if "reaction" in content:
        content = {"reaction": {**content["reaction"], "message_id": message.id}}
    await harness.start()

    async def locked(*_: object) -> None:
        raise StoreUnusable("The file is locked.")

    with monkeypatch.context() as patched:
        patched.setattr(harness.outbound.people, "reached", locked)
        await harness.submit(checked(SendCommand, {"id": "a", "to": ANA, **content}))
        with pytest.raises(ExceptionGroup) as ended:
            await harness.until(lambda: False)
    assert ended.group_contains(StoreUnusable)
    harness._running = None
    await harness._open.aclose()
    await harness.start()
    assert (await harness.reported("a", 2))[:2] == ["accepted", "sent"]
