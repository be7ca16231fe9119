"""The process is killed between every two steps of a send and restarted: never sent twice, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.jid import MessageKey
from bridge.contract.kinds import Content
from bridge.contract.lifecycle import SendState
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone, SendMode
from bridge.ports import CommandOrigin, LookUp
from tests.clocks import FakeClock
from tests.core.commands import BETO, command
from tests.core.conftest import SessionHarness, session_harness

STEPS = ("claim", "change", "resolve", "reserve", "send", "look_up", "answer")


class Kill:
    """Blocks indefinitely before or after the n-th step, as a killed process would."""

    def __init__(self, at: int, steps: Sequence[str] = STEPS) -> None:
        self.at = at
        self.steps = steps
        self.passed: list[str] = []
        self.reached = asyncio.Event()

    def around(self, part: Any) -> Any:
        kill = self

        class Stepped:
            def __getattr__(self, name: str) -> Any:
                member = getattr(part, name)
                return kill._stepped(name, member) if name in kill.steps else member

        return Stepped()

    def _stepped(self, name: str, member: Callable[..., Any]) -> Callable[..., Any]:
        async def step(*args: Any, **options: Any) -> Any:
            await self._pass(f"before {name}")
            done = await member(*args, **options)
            await self._pass(f"after {name}")
            return done

        return step

    async def _pass(self, step: str) -> None:
        self.passed.append(step)
        if len(self.passed) == self.at:
            self.reached.set()
        if len(self.passed) >= self.at:
            await asyncio.Event().wait()


class Calls(ScriptedDriver):
    """Counts the calls to `send`."""

    def __init__(self, phone: ScriptedPhone) -> None:
        super().__init__(phone)
        self.made = 0

    async def send(
        self, key: MessageKey, content: Content, modifiers: Modifiers = NO_MODIFIERS, file: Path | None = None
    ) -> int:
        self.made += 1
        return await super().send(key, content, modifiers, file)


async def run_and_kill(harness: SessionHarness, at: int) -> Kill:
    """Send one command and kill at a step; returns the steps that were passed."""
    kill = Kill(at)
    await harness.start(around_driver=kill.around, around_outbox=kill.around)
    asking = asyncio.create_task(harness.submit(command(id="a"), origin=None))
    finished = asyncio.create_task(harness.concluded("a"))
    reached = asyncio.create_task(kill.reached.wait())
    await asyncio.wait([finished, reached], return_when=asyncio.FIRST_COMPLETED)
    for task in (asking, finished, reached):
        task.cancel()
    await asyncio.wait([asking, finished, reached])
    await harness.end()
    return kill


@pytest.mark.parametrize("mode", [SendMode.NORMAL, SendMode.ANSWER_LOST, SendMode.CALL_LOST])
async def test_a_kill_between_any_two_steps_neither_repeats_nor_loses_the_send(
    tmp_path: Path, clock: FakeClock, mode: SendMode
) -> None:
    at, reached = 0, True
    while reached:
        at += 1
        async with session_harness(tmp_path / str(at), clock) as harness:
            harness.phone.send_mode = mode
            kill = await run_and_kill(harness, at)
            reached = kill.reached.is_set()
            harness.phone.send_mode = SendMode.NORMAL
            await harness.start()
            await harness.submit(command(id="a"))
            await harness.submit(command("Otra", id="b"))
            assert (await harness.reported("b", 3))[-3:] == ["accepted", "sent", "server"]
            row = await harness.store.outbox.get("a")
            assert row is not None
            if kill.passed.count("before send") == 2 and row.state is SendState.UNKNOWN:
                assert harness.sent() == [("Otra", 1)]  # two calls were lost: there is no third
                continue
            assert harness.sent() == [("Hola", 1), ("Otra", 1)], f"killed at step {at}"
            assert row.state is SendState.SENT, f"killed at step {at}"
    assert at > 8


@pytest.mark.parametrize("at", range(1, 4))
async def test_a_second_kill_during_the_look_up_sends_nothing_twice(tmp_path: Path, clock: FakeClock, at: int) -> None:
    async with session_harness(tmp_path, clock) as harness:
        kill = Kill(6)
        await harness.start(around_driver=kill.around, around_outbox=kill.around)
        asking = asyncio.create_task(harness.submit(command(id="a")))
        await kill.reached.wait()
        assert kill.passed[-1] == "after change"  # it is `sending`, and nothing was sent
        await harness.end()
        await asyncio.wait([asking])
        for _ in range(2):
            second = Kill(at)
            await harness.start(around_driver=second.around)
            await second.reached.wait()
            await harness.end()
        await harness.start()
        assert (await harness.reported("a", 3))[-2:] == ["sent", "server"]
        assert harness.sent() == [("Hola", 1)]


async def test_a_message_in_doubt_at_the_kill_keeps_its_position_in_the_chat(harness: SessionHarness) -> None:
    harness.phone.send_mode, harness.phone.call_limit = SendMode.CALL_LOST, 60.0
    calls = Calls(harness.phone)
    await harness.start(around_driver=lambda _: calls)
    await harness.submit(command("1", id="a"))
    await harness.submit(command("2", id="b"))
    await harness.submit(command("3", BETO, id="c"))
    await harness.until(lambda: calls.made == 2)
    harness.phone.send_mode = SendMode.NORMAL

    class SlowLookUp(ScriptedDriver):
        async def look_up(self, key: MessageKey) -> LookUp:
            await asyncio.sleep(0.1)  # enough time for the next message of the chat to overtake it
            return await super().look_up(key)

    await harness.again(around_driver=lambda _: SlowLookUp(harness.phone))
    for command_id in "abc":
        assert await harness.reported(command_id, 3) == ["accepted", "sent", "server"]
    assert [text for text, _ in harness.sent() if text != "3"] == ["1", "2"]


async def test_without_a_complete_look_up_a_kill_leaves_unknown(harness: SessionHarness) -> None:
    harness.phone.send_mode, harness.phone.call_limit = SendMode.CALL_LOST, 60.0
    harness.phone.look_up_complete = False
    calls = Calls(harness.phone)
    await harness.start(around_driver=lambda _: calls)
    await harness.submit(command("1", id="a"))
    await harness.submit(command("2", id="b"))
    await harness.until(lambda: calls.made == 1)
    harness.phone.send_mode = SendMode.NORMAL
    await harness.again()
    assert await harness.reported("a", 2) == ["accepted", "unknown"]
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]
    assert harness.sent() == [("2", 1)]


async def test_a_redelivered_command_without_id_is_recognised_after_a_kill(harness: SessionHarness) -> None:
    first = CommandOrigin("wa/haby/out", "0", packet_id=3, dup=False, connection=1)
    await harness.start(connected=False)
    await harness.submit(command(), origin=first)
    await harness.again(connected=False)
    for connection in (2, 3):  # its PUBACK is lost twice
        await harness.submit(command(), origin=CommandOrigin("wa/haby/out", "0", 3, True, connection))
        await harness.again(connected=False)
    await harness.until(lambda: bool(harness.phone.sent))
    await harness.outbound.drain()
    assert harness.sent() == [("Hola", 1)]
