"""Requests that change something: done at most once, and always answered, whatever ends the process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.requests import Request, request_of
from bridge.contract.responses import Response, ResponseStatus
from bridge.contract.session import SessionState
from bridge.drivers.scripted import SendMode
from bridge.ports import CommandOrigin, ReplyTo
from tests.clocks import FakeClock
from tests.core.commands import ANA, BETO
from tests.core.conftest import SessionHarness, session_harness
from tests.core.test_crash import Kill


def read(request_id: str | None = "r1", chat: str = ANA, **fields: Any) -> Request:
    return request_of("chats.read", {"id": request_id, "chat": chat, **fields})


async def ask(harness: SessionHarness, request: Request) -> Response:
    return await harness.session.requests.respond(request)


async def published(harness: SessionHarness) -> list[str]:
    return [notice["status"] for notice in await harness.notices() if "action" in notice]


async def test_the_same_request_gives_the_same_response_and_is_done_once(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.answers["chats.read"] = {"seen": 3}
    first = await ask(harness, read(transaction="t"))
    assert (first.status, first.data, first.transaction) == (ResponseStatus.DONE, {"seen": 3}, "t")
    harness.clock.advance(60)
    harness.phone.answers["chats.read"] = {"seen": 4}
    assert await ask(harness, read(chat="+54 9 11 5550-0001", transaction="other")) == first
    await harness.again()
    assert await ask(harness, read()) == first
    other = await ask(harness, read(chat=BETO))
    assert (other.status, other.error and other.error.code) == (ResponseStatus.FAILED, "conflict")
    assert await ask(harness, read()) == first
    assert len(harness.phone.changes) == 1
    assert await published(harness) == ["done"]


async def test_a_request_that_reads_is_not_stored(harness: SessionHarness) -> None:
    await harness.start()
    for _ in range(2):
        assert (await ask(harness, request_of("chats.list", {"id": "r1"}))).status is ResponseStatus.DONE
    assert await harness.store.requests.get(1) is None
    assert await published(harness) == []


@pytest.mark.parametrize("mode", [SendMode.NORMAL, SendMode.ANSWER_LOST])
async def test_a_kill_between_any_two_steps_never_repeats_the_change(
    tmp_path: Path, clock: FakeClock, mode: SendMode
) -> None:
    at, reached = 0, True
    while reached:
        at += 1
        async with session_harness(tmp_path / str(at), clock) as harness:
            harness.phone.send_mode = mode
            kill = Kill(at)
            await harness.start(around_driver=kill.around, around_ledger=kill.around)
            asking = asyncio.create_task(ask(harness, read()))
            waiting = asyncio.create_task(kill.reached.wait())
            await asyncio.wait([asking, waiting], return_when=asyncio.FIRST_COMPLETED)
            reached = kill.reached.is_set()
            step = kill.passed[-1]
            for task in (asking, waiting):
                task.cancel()
            await harness.end()
            await asyncio.wait([asking, waiting])
            done_before = len(harness.phone.changes)
            harness.phone.send_mode = SendMode.NORMAL
            await harness.start()
            response = await ask(harness, read())
            assert await published(harness) == [response.status], f"killed {step}"
            if at == 1:
                assert (done_before, response.status) == (0, ResponseStatus.DONE)
                continue
            assert len(harness.phone.changes) == done_before, f"killed {step}"
            stored = not reached or (step == "after answer" and kill.passed.count(step) == 2)
            if stored and mode is SendMode.NORMAL:
                assert response.status is ResponseStatus.DONE
                continue
            assert response.status is ResponseStatus.UNKNOWN, f"killed {step}"
            assert response.error
            assert "ask again with a new id" in response.error.text
    assert at == (7 if mode is SendMode.NORMAL else 6)


async def test_a_redelivered_request_without_id_is_recognised_after_a_kill(harness: SessionHarness) -> None:
    def origin(dup: bool, connection: int) -> CommandOrigin:
        return CommandOrigin("wa/haby/request", "0", 3, dup, connection)

    await harness.start()
    requests = harness.session.requests.claimed
    first = await requests.response((await requests.claim(read(None), origin=origin(False, 1))).row)
    for connection in (2, 3):  # its PUBACK is lost twice
        await harness.again()
        requests = harness.session.requests.claimed
        again = await requests.claim(read(None), origin=origin(True, connection))
        assert (again.fresh, await requests.response(again.row)) == (False, first)
    new = await requests.claim(read(None), origin=origin(False, 3))
    assert new.fresh
    await requests.response(new.row)
    assert len(harness.phone.changes) == 2


async def test_requests_about_one_chat_are_carried_out_in_their_order(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.delay = 0.01
    asked = [ANA, BETO, ANA, ANA, BETO]
    claimed = [await harness.session.requests.claimed.claim(read(f"r{n}", chat)) for n, chat in enumerate(asked)]
    for one in claimed:
        assert (await harness.session.requests.claimed.response(one.row)).status is ResponseStatus.DONE
    ids = [request.id for request in harness.phone.changes]
    assert [one for one in ids if one in ("r0", "r2", "r3")] == ["r0", "r2", "r3"]
    assert [one for one in ids if one in ("r1", "r4")] == ["r1", "r4"]


async def test_what_fails_keeps_its_response_and_who_asked_gets_it(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.link(up=False)
    await harness.reach(SessionState.RECONNECTING)
    claimed = await harness.session.requests.claimed.claim(read(), reply_to=ReplyTo("till", b"7"))
    first = await harness.session.requests.claimed.response(claimed.row)
    assert (first.status, first.error and first.error.code) == (ResponseStatus.FAILED, "not_connected")
    harness.phone.link(up=True)
    await harness.reach(SessionState.CONNECTED)
    assert await ask(harness, read()) == first
    assert harness.phone.changes == []
    notices = await harness.store.outbox.unpublished(0, 10)
    assert [(notice.leaf, notice.reply_to) for notice in notices] == [("response", ReplyTo("till", b"7"))]


async def test_who_waits_when_the_session_ends_is_answered(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.delay = 60.0
    asking = asyncio.create_task(ask(harness, read()))
    await harness.until(lambda: bool(harness.session.requests.claimed._open))
    await harness.end()
    assert (await asyncio.wait_for(asking, 10)).status is ResponseStatus.UNKNOWN
    harness.phone.delay = 0.0
    await harness.start()
    assert (await ask(harness, read())).status is ResponseStatus.UNKNOWN
