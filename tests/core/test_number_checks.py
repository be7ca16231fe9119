"""Many numbers are checked: at a pace, on from where it was, and an error is never "not on WhatsApp"."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bridge.contract.jid import Jid
from bridge.contract.pace import Pace
from bridge.contract.requests import CheckContacts, Request
from bridge.contract.responses import Response, ResponseStatus
from bridge.contract.session import SessionState
from bridge.core.number_checks import BATCH, NumberChecks
from bridge.core.requests import RequestRunner
from bridge.drivers.scripted import ScriptedDriver
from bridge.ports import Answers, DriverUnavailable
from bridge.ports.numbers import FOUND_LIFE, MISSING_LIFE
from tests.core.conftest import SessionHarness

OFF = Pace.parse("off", burst=1)
NUMBERS = [f"54911555{number:05}@c.us" for number in range(100)]


def checks(harness: SessionHarness, driver: Answers | None = None, pace: Pace = OFF) -> RequestRunner:
    session = harness.session
    made = NumberChecks(
        "haby",
        driver or session._driver,
        session.view,
        harness.store.numbers,
        harness.clock,
        pace,
        own=lambda: "5491155500000",
        pauses=(0.01, 0.01, 0.01),
    )
    session.requests.answer_long("contacts.check", made.answer)
    return session.requests


async def check(runner: RequestRunner, *numbers: str, **fields: Any) -> list[tuple[bool | None, str | None]]:
    response = await runner.respond(CheckContacts(contacts=list(numbers), **fields))
    assert response.status is ResponseStatus.DONE, response.error
    return [(one["exists"], one.get("code")) for one in response.data["contacts"]]


async def test_each_has_an_answer_or_says_why_not(harness: SessionHarness) -> None:
    await harness.start()
    phone, runner = harness.phone, checks(harness)
    phone.missing, phone.failing = {Jid.parse(NUMBERS[1])}, {Jid.parse(NUMBERS[2])}
    asked = [NUMBERS[0], "+54 9 11 5550-0001", NUMBERS[2], "011 15 5550-0003", "hola", NUMBERS[0], "123-456@g.us"]
    yes, no, broken, nothing = (True, None), (False, None), (None, "internal"), (None, "invalid")
    assert await check(runner, *asked) == [yes, no, broken, yes, nothing, yes, nothing]
    assert len(phone.looked_up) == 4
    response = await runner.respond(CheckContacts(contacts=asked[:2]))
    first, second = response.data["contacts"]
    assert (first["to"], first["chat"], second["to"], second["chat"]) == (NUMBERS[0], NUMBERS[0], NUMBERS[1], None)


async def test_answers_are_kept_for_their_life_also_over_a_restart(harness: SessionHarness) -> None:
    await harness.start()
    phone = harness.phone
    phone.missing, phone.failing = {Jid.parse(NUMBERS[1])}, {Jid.parse(NUMBERS[2])}
    await check(checks(harness), *NUMBERS[:3])
    await harness.again()
    runner = checks(harness)
    phone.looked_up.clear()
    await check(runner, *NUMBERS[:3])
    assert phone.looked_up == [Jid.parse(NUMBERS[2])], "an error is not kept"
    phone.looked_up.clear()
    harness.clock.advance(MISSING_LIFE + 1)
    await check(runner, *NUMBERS[:2])
    assert phone.looked_up == [Jid.parse(NUMBERS[1])]
    harness.clock.advance(FOUND_LIFE + 1)
    await harness.store.compact(max_age=1e9, max_bytes=1 << 30)
    assert await harness.store.numbers.checked(NUMBERS) == {}


async def test_an_interrupted_check_goes_on_where_it_was(harness: SessionHarness) -> None:
    await harness.start()
    phone = harness.phone

    class Stops(ScriptedDriver):
        async def answer(self, request: Request, file: Path | None = None) -> Any:
            if len(phone.looked_up) == 3 * BATCH:
                await asyncio.Event().wait()
            return await super().answer(request, file)

    await harness.again(around_driver=lambda _: Stops(phone))
    runner = checks(harness)
    asking = asyncio.create_task(runner.respond(CheckContacts(id="c1", contacts=NUMBERS)))
    await harness.until(lambda: len(phone.looked_up) == 3 * BATCH)
    running = await runner.respond_within(CheckContacts(id="c1", contacts=NUMBERS), 0.2)
    assert running.status is ResponseStatus.RUNNING
    assert running.progress
    assert (running.progress.done, running.progress.total) == (3 * BATCH, len(NUMBERS))
    await harness.end()
    assert (await asyncio.wait_for(asking, 10)).status is ResponseStatus.FAILED
    await harness.start()
    assert await check(checks(harness), *NUMBERS) == [(True, None)] * len(NUMBERS)
    assert sorted(map(str, phone.looked_up)) == NUMBERS, "each number once"


async def test_a_connection_that_breaks_delays_and_does_not_answer(harness: SessionHarness) -> None:
    phone = harness.phone
    failing = 2

    class Breaks(ScriptedDriver):
        async def answer(self, request: Request, file: Path | None = None) -> Any:
            nonlocal failing
            if len(phone.looked_up) == BATCH and failing:
                failing -= 1
                raise DriverUnavailable("The page is loading.")
            return await super().answer(request, file)

    await harness.start(around_driver=lambda _: Breaks(phone))
    assert await check(checks(harness), *NUMBERS[:30]) == [(True, None)] * 30
    harness.clock.advance(FOUND_LIFE + 1)
    phone.looked_up.clear()
    failing = 99
    found = await check(checks(harness), *NUMBERS[:30])
    assert found == [(True, None)] * BATCH + [(None, "not_connected")] * 20
    phone.link(up=False)
    await harness.reach(SessionState.RECONNECTING)
    response = await checks(harness).respond(CheckContacts(contacts=NUMBERS[10:]))
    assert response.error
    assert response.error.code == "not_connected"


async def test_a_service_that_only_fails_is_not_asked_for_the_rest(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.failing = {*map(Jid.parse, NUMBERS)}
    assert await check(checks(harness), *NUMBERS) == [(None, "internal")] * len(NUMBERS)
    assert len(harness.phone.looked_up) < len(NUMBERS)


async def test_numbers_are_asked_for_at_the_pace(harness: SessionHarness) -> None:
    await harness.start()
    runner = checks(harness, pace=Pace.parse("1/hour", burst=2))
    asking = asyncio.create_task(runner.respond(CheckContacts(id="c1", contacts=NUMBERS[:5])))
    await harness.until(lambda: len(harness.phone.looked_up) == 2)
    assert (await runner.respond_within(CheckContacts(id="c1", contacts=NUMBERS[:5]), 0.1)).status == "running"
    assert len(harness.phone.looked_up) == 2
    asking.cancel()


async def test_who_follows_hears_how_far_it_is(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.delay = 0.05
    following = checks(harness).follow(CheckContacts(contacts=NUMBERS[:30]), first=0.01, then=0.01)
    followed: list[Response] = [one async for one in following]
    assert [one.status for one in followed[:-1]] == [ResponseStatus.RUNNING] * (len(followed) - 1)
    assert len(followed) >= 3
    assert len({one.id for one in followed}) == 1
    assert followed[-1].status is ResponseStatus.DONE


async def test_a_stored_answer_does_not_wait_for_a_long_list(harness: SessionHarness) -> None:
    await harness.start()
    runner = checks(harness, pace=Pace.parse("1/hour", burst=1))
    await check(runner, NUMBERS[0])
    long_list = CheckContacts(id="c1", contacts=NUMBERS[1:])
    assert (await runner.respond_within(long_list, 0.1)).status is ResponseStatus.RUNNING
    assert await asyncio.wait_for(check(runner, NUMBERS[0]), 5) == [(True, None)]
    assert harness.phone.looked_up == [Jid.parse(NUMBERS[0])]


async def test_a_fresh_number_waits_for_a_batch_of_each_list_and_none_is_asked_twice(harness: SessionHarness) -> None:
    phone = harness.phone
    batches, calls = asyncio.Semaphore(0), 0

    class Waits(ScriptedDriver):
        async def answer(self, request: Request, file: Path | None = None) -> Any:
            nonlocal calls
            calls += 1
            await batches.acquire()
            return await super().answer(request, file)

    await harness.start(around_driver=lambda _: Waits(phone))
    runner, fresh = checks(harness), "5491155590000@c.us"
    lists = [asyncio.create_task(check(runner, *NUMBERS)) for _ in range(2)]
    await harness.until(lambda: calls == 1)
    single = asyncio.create_task(check(runner, fresh))
    released = 0

    def goes_on() -> bool:
        return calls > released or single.done()

    while not single.done():
        batches.release()
        released += 1
        await harness.until(goes_on)
    assert await single == [(True, None)]
    assert len(phone.looked_up) <= len(NUMBERS) / 2
    for _ in NUMBERS:
        batches.release()
    assert await asyncio.gather(*lists) == [[(True, None)] * len(NUMBERS)] * 2
    assert sorted(map(str, phone.looked_up)) == [*NUMBERS, fresh], "each number once"


async def test_one_number_uses_up_one_turn_of_the_pace(harness: SessionHarness) -> None:
    await harness.start()
    runner = checks(harness, pace=Pace.parse("1/hour", burst=3))
    for number in NUMBERS[:3]:
        assert await asyncio.wait_for(check(runner, number), 5) == [(True, None)]
