"""The process is killed between every two steps of a send, and started again: never twice, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.jid import MessageKey
from bridge.contract.kinds import Content
from bridge.contract.lifecycle import SendState
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone, SendMode
from bridge.ports import CommandOrigin, LookUp
from tests.clocks import FakeClock
from tests.core.commands import BETO, command
from tests.core.conftest import Bench, bench_at

STEPS = ("claim", "change", "resolve", "reserve", "send", "look_up")


class Kill:
    """Stands still for ever before or after the n-th step: as far as anybody can tell, the process is dead."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.passed: list[str] = []
        self.reached = asyncio.Event()

    def around(self, part: Any) -> Any:
        kill = self

        class Stepped:
            def __getattr__(self, name: str) -> Any:
                member = getattr(part, name)
                return kill._stepped(name, member) if name in STEPS else member

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
    """Counts the calls that went in."""

    def __init__(self, phone: ScriptedPhone) -> None:
        super().__init__(phone)
        self.made = 0

    async def send(self, key: MessageKey, content: Content) -> int:
        self.made += 1
        return await super().send(key, content)


async def run_and_kill(bench: Bench, at: int) -> Kill:
    """Send one command and kill at a step; returns how far it came."""
    kill = Kill(at)
    await bench.start(around_driver=kill.around, around_outbox=kill.around)
    asking = asyncio.create_task(bench.submit(command(id="a"), origin=None))
    finished = asyncio.create_task(bench.told("a", 3))
    reached = asyncio.create_task(kill.reached.wait())
    await asyncio.wait([finished, reached], return_when=asyncio.FIRST_COMPLETED)
    for task in (asking, finished, reached):
        task.cancel()
    await asyncio.wait([asking, finished, reached])
    await bench.end()
    return kill


@pytest.mark.parametrize("mode", [SendMode.NORMAL, SendMode.ANSWER_LOST, SendMode.CALL_LOST])
async def test_a_kill_between_any_two_steps_sends_neither_twice_nor_never(
    tmp_path: Path, clock: FakeClock, mode: SendMode
) -> None:
    at, reached = 0, True
    while reached:
        at += 1
        async with bench_at(tmp_path / str(at), clock) as bench:
            bench.phone.send_mode = mode
            kill = await run_and_kill(bench, at)
            reached = kill.reached.is_set()
            bench.phone.send_mode = SendMode.NORMAL
            await bench.start()
            await bench.submit(command(id="a"))
            await bench.submit(command("Otra", id="b"))
            assert (await bench.told("b", 3))[-3:] == ["accepted", "sent", "server"]
            row = await bench.store.outbox.get("a")
            assert row is not None
            if kill.passed.count("before send") == 2 and row.state is SendState.UNKNOWN:
                assert bench.sent() == [("Otra", 1)]  # two calls were lost: there is no third
                continue
            assert bench.sent() == [("Hola", 1), ("Otra", 1)], f"killed at step {at}"
            assert row.state is SendState.SENT, f"killed at step {at}"
    assert at > 8


@pytest.mark.parametrize("at", range(1, 4))
async def test_a_second_kill_during_the_look_up_sends_nothing_twice(tmp_path: Path, clock: FakeClock, at: int) -> None:
    async with bench_at(tmp_path, clock) as bench:
        kill = Kill(8)
        await bench.start(around_driver=kill.around, around_outbox=kill.around)
        asking = asyncio.create_task(bench.submit(command(id="a")))
        await kill.reached.wait()
        assert kill.passed[-1] == "after change"  # it is `sending`, and nothing has left
        await bench.end()
        await asyncio.wait([asking])
        for _ in range(2):
            second = Kill(at)
            await bench.start(around_driver=second.around)
            await second.reached.wait()
            await bench.end()
        await bench.start()
        assert (await bench.told("a", 3))[-2:] == ["sent", "server"]
        assert bench.sent() == [("Hola", 1)]


async def test_a_message_in_doubt_at_the_kill_keeps_its_place_in_the_chat(bench: Bench) -> None:
    bench.phone.send_mode, bench.phone.call_limit = SendMode.CALL_LOST, 60.0
    calls = Calls(bench.phone)
    await bench.start(around_driver=lambda _: calls)
    await bench.submit(command("1", id="a"))
    await bench.submit(command("2", id="b"))
    await bench.submit(command("3", BETO, id="c"))
    await bench.until(lambda: calls.made == 2)
    bench.phone.send_mode = SendMode.NORMAL

    class SlowToLook(ScriptedDriver):
        async def look_up(self, key: MessageKey) -> LookUp:
            await asyncio.sleep(0.1)  # time enough for the next of the chat to go before it, if it could
            return await super().look_up(key)

    await bench.again(around_driver=lambda _: SlowToLook(bench.phone))
    for command_id in "abc":
        assert await bench.told(command_id, 3) == ["accepted", "sent", "server"]
    assert [text for text, _ in bench.sent() if text != "3"] == ["1", "2"]


async def test_where_no_look_up_proves_anything_a_kill_leaves_unknown(bench: Bench) -> None:
    bench.phone.send_mode, bench.phone.call_limit = SendMode.CALL_LOST, 60.0
    bench.phone.look_up_complete = False
    calls = Calls(bench.phone)
    await bench.start(around_driver=lambda _: calls)
    await bench.submit(command("1", id="a"))
    await bench.submit(command("2", id="b"))
    await bench.until(lambda: calls.made == 1)
    bench.phone.send_mode = SendMode.NORMAL
    await bench.again()
    assert await bench.told("a", 2) == ["accepted", "unknown"]
    assert await bench.told("b", 3) == ["accepted", "sent", "server"]
    assert bench.sent() == [("2", 1)]


async def test_a_command_without_id_that_comes_again_after_a_kill_is_recognised(bench: Bench) -> None:
    first = CommandOrigin("wa/haby/out", "0", packet_id=3, dup=False, connection=1)
    await bench.start(connected=False)
    await bench.submit(command(), origin=first)
    await bench.again(connected=False)
    for connection in (2, 3):  # its PUBACK is lost twice
        await bench.submit(command(), origin=CommandOrigin("wa/haby/out", "0", 3, True, connection))
        await bench.again(connected=False)
    await bench.until(lambda: bool(bench.phone.sent))
    await bench.outbound.drain()
    assert bench.sent() == [("Hola", 1)]
