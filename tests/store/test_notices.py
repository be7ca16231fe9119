"""Results and acks: in order, at least once, waiters woken for unpublished ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bridge.contract.lifecycle import SendState
from bridge.ports import IllegalSendStep, NewNotice, ReplyTo
from bridge.store import SessionStore, StoreLimits
from tests.store.conftest import Opener
from tests.store.samples import claim, result, step


async def bodies(store: SessionStore, after: int = 0, limit: int = 100) -> list[str]:
    return [notice.body for notice in await store.outbox.unpublished(after, limit)]


async def test_notices_come_in_the_order_of_their_steps(store: SessionStore) -> None:
    number = (await store.outbox.claim(claim(), result("accepted"))).row.number
    await store.outbox.notify(result("refused"), NewNotice("ack", "tick", ReplyTo("till-3", b"\xff")))
    await store.outbox.change(number, step(SendState.SENDING))
    await store.outbox.change(number, step(SendState.SENT, result("sent"), NewNotice("ack", "server")))
    notices = await store.outbox.unpublished(0, 100)
    assert [notice.body for notice in notices] == ["accepted", "refused", "tick", "sent", "server"]
    assert [notice.number for notice in notices] == sorted({notice.number for notice in notices})
    assert (notices[2].leaf, notices[2].reply_to, notices[3].reply_to) == ("ack", ReplyTo("till-3", b"\xff"), None)


async def test_pages_follow_each_other(store: SessionStore) -> None:
    await store.outbox.notify(*(result(str(n)) for n in range(5)))
    first = await store.outbox.unpublished(0, 3)
    assert await bodies(store, first[-1].number) == ["3", "4"]


async def test_published_notices_are_not_read_again_in_any_order(opener: Opener) -> None:
    async with opener() as store:
        await store.outbox.notify(*(result(str(n)) for n in range(4)))
        numbers = [notice.number for notice in await store.outbox.unpublished(0, 10)]
        await store.outbox.published([numbers[2], numbers[0]])
        assert await bodies(store) == ["1", "3"]
    async with opener() as store:
        assert await bodies(store) == ["1", "3"]


async def test_a_report_is_stored_once(opener: Opener) -> None:
    async with opener() as store:
        assert await store.outbox.report_once("retained:topic:hash", result("retained"))
        assert not await store.outbox.report_once("retained:topic:hash", result("again"))
    async with opener() as store:
        assert not await store.outbox.report_once("retained:topic:hash", result("again"))
        assert await bodies(store) == ["retained"]


async def test_a_key_of_a_report_is_not_a_key_of_an_event(store: SessionStore) -> None:
    assert await store.journal.append_event("{}", once="key") == 1
    assert await store.outbox.report_once("key", result())


async def test_every_waiter_wakes_for_a_notice_from_each_source(store: SessionStore) -> None:
    newest = 0
    number = (await store.outbox.claim(claim("first"), result())).row.number
    sources: list[Callable[[], Awaitable[object]]] = [
        lambda: store.outbox.claim(claim("second"), result()),
        lambda: store.outbox.change(number, step(SendState.SENDING, result())),
        lambda: store.outbox.notify(result()),
        lambda: store.outbox.report_once("key", result()),
    ]
    for source in sources:
        newest = (await store.outbox.unpublished(0, 100))[-1].number
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for name in ("one", "two"):
                group.create_task(store.outbox.wait_notices(newest), name=name)
            await asyncio.sleep(0)
            await source()


async def test_a_waiter_sleeps_when_all_is_published_even_from_the_start(opener: Opener) -> None:
    async with opener() as store:
        await store.outbox.notify(result(), result())
        await store.outbox.published([notice.number for notice in await store.outbox.unpublished(0, 10)])
        waiter = asyncio.create_task(store.outbox.wait_notices(0), name="waiter")
        await store.memory.set("anything", "committed")  # gives the waiter its turns
        assert not waiter.done()
        waiter.cancel()
    async with opener() as store, asyncio.timeout(5):
        waiter = asyncio.create_task(store.outbox.wait_notices(0), name="waiter")
        await store.memory.set("anything", "committed")
        assert not waiter.done()
        await store.outbox.notify(result("new"))
        await waiter
        assert await bodies(store) == ["new"]


async def test_a_waiter_wakes_for_notices_of_an_earlier_run(opener: Opener) -> None:
    async with opener() as store:
        await store.outbox.notify(result("left"))
    async with opener() as store, asyncio.timeout(5):
        await store.outbox.wait_notices(0)
        assert await bodies(store) == ["left"]


async def test_a_refused_step_stores_no_notice(store: SessionStore) -> None:
    number = (await store.outbox.claim(claim(), result("accepted"))).row.number
    with pytest.raises(IllegalSendStep):
        await store.outbox.change(number, step(SendState.SENT, result("sent")))
    assert await bodies(store) == ["accepted"]


async def test_pages_from_memory_are_those_on_disk(opener: Opener) -> None:
    published: list[str] = []
    async with opener(limits=StoreLimits(notices=3)) as store:
        for number in range(12):
            await store.outbox.notify(result(str(number)))
            if number % 4 == 3:  # a publisher that falls behind by more than is held, then takes what waits in pages
                page = await store.outbox.unpublished(0, 2)
                published += [notice.body for notice in page]
                await store.outbox.published([notice.number for notice in page])
        left = await bodies(store)
        assert await bodies(store, limit=2) == left[:2]
        assert await bodies(store, 10) == ["10", "11"]
        assert published + left == [str(number) for number in range(12)]
    async with opener() as store:
        assert await bodies(store) == left


async def test_large_notices_are_not_held(opener: Opener) -> None:
    async with opener(limits=StoreLimits(notices_size=10)) as store:
        await store.outbox.notify(result("x" * 11))
        await store.outbox.notify(result("y" * 10))
        assert await bodies(store) == ["x" * 11, "y" * 10]
        await store.outbox.published([1, 2])
        await store.outbox.notify(result("z"))
        assert await bodies(store) == ["z"]


async def test_a_publisher_that_keeps_up_reads_nothing_from_the_store(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.outbox.notify(result("first"))
    monkeypatch.setattr(store.database, "read", None)
    for body in ("second", "third"):
        page = await store.outbox.unpublished(0, 10)
        await store.outbox.published([notice.number for notice in page])
        await store.outbox.notify(result(body))
        assert await bodies(store) == [body]


async def test_notices_of_abandoned_commands_follow_those_before(store: SessionStore) -> None:
    await store.outbox.claim(claim(), result("accepted"))
    await store.abandon_open(lambda row: result(f"unknown {row.claim.id}"))
    await store.outbox.notify(result("after"))
    assert await bodies(store) == ["accepted", "unknown order-1", "after"]
