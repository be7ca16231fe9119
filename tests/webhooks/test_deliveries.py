"""Deliveries over the real stores, with a way out in the test's hand: what overtakes, breaks or repeats them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.app.clock import SystemClock
from bridge.contract.messages import Stream
from bridge.ports import DeadLetter, JournalRecord, PostAnswer, StoreUnusable
from bridge.store import BridgeStore, SessionStore, open_store
from bridge.webhooks import FORGOTTEN_AFTER, RETRY, SessionDeliveries, WebhookRegistry

URL = "http://localhost:3013/hook"
TAKEN = PostAnswer(status=200)


class WayOut:
    """Implements `WebhookPost`: remembers, and answers as `answer` says."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, str]] = []
        self.answer: Callable[[str], PostAnswer] = lambda _: TAKEN
        self._posted = asyncio.Condition()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PostAnswer:
        async with self._posted:
            self.posts.append((url, headers["X-WA-Seq"]))
            self._posted.notify_all()
        return self.answer(url)

    async def got(self, count: int) -> list[str]:
        """Wait for so many posts; their numbers."""
        async with asyncio.timeout(10), self._posted:
            await self._posted.wait_for(lambda: len(self.posts) >= count)
        return [seq for _, seq in self.posts]


class Stage:
    """Both stores, a registry and the deliveries of one session, which can be begun anew."""

    def __init__(self, bridge: BridgeStore, session: SessionStore, way_out: WayOut) -> None:
        self.bridge = bridge
        self.session = session
        self.way_out = way_out
        self.listeners = self.registry()
        self.deliveries: SessionDeliveries | None = None
        self._running: asyncio.Task[None] | None = None

    def registry(self, forget_after: float = FORGOTTEN_AFTER) -> WebhookRegistry:
        soon = replace(RETRY, first=0.02)
        return WebhookRegistry(
            self.bridge.listeners,
            self.way_out,
            SystemClock(),
            random=lambda: 0.0,
            backoff=soon,
            forget_after=forget_after,
        )

    async def start(self) -> None:
        await self.listeners.load()
        self.deliveries = self.listeners.deliveries("haby", self.session.journal)
        self._running = asyncio.create_task(self.deliveries.run(), name="deliveries")
        await asyncio.sleep(0)

    async def stop(self) -> None:
        if self.deliveries is None or self._running is None:
            return
        self.deliveries.close()
        await asyncio.wait_for(self._running, 10)
        self._running = None

    async def arrive(self, *texts: str) -> None:
        await self.session.journal.append(
            [
                JournalRecord(
                    chat="5491155500001@c.us",
                    raw_id=text,
                    author=None,
                    timestamp=1_700_000_000,
                    type="chat",
                    content_hash=text,
                    body=f'{{"chat":"5491155500001@c.us","body":"{text}"}}',
                )
                for text in texts
            ]
        )


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    now = SystemClock().now
    async with AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(BridgeStore(tmp_path / "bridge.db", now=now))
        session = await stack.enter_async_context(open_store(tmp_path / "haby" / "store.db", now=now))
        stage = Stage(bridge, session, WayOut())
        stack.push_async_callback(stage.stop)
        yield stage


async def test_a_listener_that_retention_overtook_is_moved_on(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await stage.start()
    await stage.listeners.register("haby", URL)
    await stage.stop()
    await stage.arrive("a", "b", "c", "d")
    await stage.session.compact(max_age=1e9, max_bytes=60)  # only the newest is left
    await stage.start()
    assert await stage.way_out.got(1) == ["4"]
    assert "1 to 3 are no longer kept" in caplog.text


async def test_what_was_erased_while_a_listener_failed_is_not_posted_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.webhooks.page_cache.FRESH", 0.0)
    await stage.start()
    await stage.listeners.register("haby", URL)
    stage.way_out.answer = lambda _: PostAnswer(status=503)
    await stage.arrive("a", "b", "c")
    await stage.way_out.got(1)
    erased = 'UPDATE journal SET body = \'{"type":"erased"}\' WHERE seq < 3'
    await stage.session.database.write(
        lambda connection: connection.execute(erased).rowcount, lambda _: stage.session.journal.reread()
    )
    before, stage.way_out.answer = len(stage.way_out.posts), lambda _: TAKEN
    posts = await stage.way_out.got(before + 1)
    if posts[-1] == "1":  # it was on its way
        posts = await stage.way_out.got(before + 2)
    assert posts[-1] == "3"
    assert "2" not in posts


async def test_another_epoch_begins_with_the_oldest(stage: Stage) -> None:
    await stage.start()
    await stage.arrive("a", "b")
    await stage.listeners.register("haby", URL)
    await stage.stop()
    await stage.session.new_epoch(lambda _: pytest.fail("there are no commands"))
    await stage.start()
    assert await stage.way_out.got(2) == ["1", "2"]


async def test_what_was_delivered_is_not_posted_again_after_a_restart(stage: Stage) -> None:
    await stage.start()
    await stage.listeners.register("haby", URL)
    await stage.arrive("a", "b")
    await stage.way_out.got(2)
    await stage.stop()
    await stage.start()
    await stage.arrive("c")
    assert await stage.way_out.got(3) == ["1", "2", "3"]


async def test_a_dead_letter_that_cannot_be_stored_is_no_reason_to_lose_the_item(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = stage.bridge.listeners.bury, 0

    async def bury(letter: DeadLetter) -> DeadLetter:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StoreUnusable("the disk is full")
        return await real(letter)

    monkeypatch.setattr(stage.bridge.listeners, "bury", bury)
    stage.way_out.answer = lambda _: PostAnswer(status=404)
    await stage.start()
    await stage.listeners.register("haby", URL)
    await stage.arrive("a", "b")
    assert await stage.way_out.got(4) == ["1", "1", "1", "2"]
    await stage.stop()
    assert [letter.seq for letter in await stage.bridge.listeners.dead_letters("haby", 0, 10)] == [1, 2]


async def test_a_fault_in_one_reading_leaves_the_others_alone(stage: Stage) -> None:
    def answer(url: str) -> PostAnswer:
        if url.endswith("faulty"):
            raise RuntimeError("a fault of ours")
        return TAKEN

    stage.way_out.answer = answer
    await stage.start()
    await stage.listeners.register("haby", "http://localhost/faulty")
    await stage.listeners.register("haby", URL)
    await stage.arrive("a", "b", "c")
    async with asyncio.timeout(10):
        while [seq for url, seq in stage.way_out.posts if url == URL] != ["1", "2", "3"]:
            await stage.way_out.got(len(stage.way_out.posts) + 1)
    await stage.stop()  # which does not wait until the faulty one is begun anew


async def test_listeners_of_another_session_are_not_served(stage: Stage) -> None:
    await stage.start()
    await stage.listeners.register("ventas", "http://localhost/ventas")
    await stage.listeners.register("haby", URL)
    await stage.arrive("a")
    await stage.way_out.got(1)
    assert stage.way_out.posts == [(URL, "1")]
    assert stage.session.journal.bounds(Stream.IN).last == 1


async def test_an_ended_listener_is_forgotten_with_its_cursor(stage: Stage) -> None:
    await stage.start()
    listener = await stage.listeners.register("haby", URL)
    await stage.arrive("a")
    await stage.way_out.got(1)
    await stage.stop()
    assert await stage.session.journal.cursor(listener.reader, Stream.IN) == 1
    stage.listeners = stage.registry(forget_after=0.0)
    await stage.listeners.load()
    await stage.listeners.unregister("haby", URL)
    await stage.start()
    async with asyncio.timeout(10):
        while await stage.session.journal.cursor(listener.reader, Stream.IN):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await stage.bridge.listeners.listeners() == []
