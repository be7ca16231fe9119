"""Deliveries from real stores to a scripted receiver: retention, erasure, faults and restarts in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.app.clock import SystemClock
from bridge.contract.backoff import Backoff
from bridge.contract.messages import Stream
from bridge.ports import DeadLetter, JournalRecord, PostAnswer, StoreUnusable
from bridge.store import BridgeStore, SessionStore, open_store
from bridge.webhooks.limits import WebhookLimits
from bridge.webhooks.registry import WebhookRegistry
from bridge.webhooks.session_deliveries import SessionDeliveries

URL = "http://localhost:3013/hook"
ACCEPTED = PostAnswer(status=200)
FAST = WebhookLimits(retry=Backoff(0.02, 60.0, jitter=0.5))


class ScriptedPoster:
    """A `WebhookPost` that keeps its posts and answers by `answer`, and 503 for each `seq` in `refused`.

    No post is answered until `answers` is set. `legacy`: whether each post had the time of the legacy path.
    """

    def __init__(self) -> None:
        self.posts: list[tuple[str, str]] = []
        self.answer: Callable[[str], PostAnswer] = lambda _: ACCEPTED
        self.refused: set[str] = set()
        self.legacy: list[bool] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self._posted = asyncio.Condition()

    def timeout(self, *, legacy: bool) -> float:
        return 30.0 if legacy else 5.0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, legacy: bool = False) -> PostAnswer:
        async with self._posted:
            self.posts.append((url, headers["X-WA-Seq"]))
            self.legacy.append(legacy)
            self._posted.notify_all()
        await self.answers.wait()
        return PostAnswer(status=503) if headers["X-WA-Seq"] in self.refused else self.answer(url)

    async def got(self, count: int) -> list[str]:
        """Wait for `count` posts; returns the `seq` of each so far."""
        async with asyncio.timeout(10), self._posted:
            await self._posted.wait_for(lambda: len(self.posts) >= count)
        return [seq for _, seq in self.posts]


class DeliveryHarness:
    """Both stores, a registry and the deliveries of one session, which can be restarted with other limits."""

    def __init__(self, bridge: BridgeStore, session: SessionStore, poster: ScriptedPoster) -> None:
        self.bridge = bridge
        self.session = session
        self.poster = poster
        self.limits = FAST
        self.registry = self._registry()
        self.deliveries: SessionDeliveries | None = None
        self._running: asyncio.Task[None] | None = None

    def _registry(self) -> WebhookRegistry:
        return WebhookRegistry(self.bridge.webhooks, self.poster, SystemClock(), random=lambda: 0.0, limits=self.limits)

    async def start(self) -> None:
        self.registry = self._registry()
        await self.registry.load()
        self.deliveries = self.registry.deliveries("haby", self.session.journal)
        self._running = asyncio.create_task(self.deliveries.run(), name="deliveries")
        await asyncio.sleep(0)

    async def kill(self) -> None:
        """End it in the middle of whatever it does."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.wait([self._running])
        self._running = None

    async def stop(self) -> None:
        if self.deliveries is None or self._running is None:
            return
        self.deliveries.close()
        await asyncio.wait_for(self._running, 10)
        self._running = None

    async def arrive(self, *texts: str, chat: str = "5491155500001@c.us", from_pn: str | None = None) -> None:
        await self.session.journal.append(
            [
                JournalRecord(
                    chat=chat,
                    raw_id=text,
                    author=None,
                    timestamp=1_700_000_000,
                    type="chat",
                    content_hash=text,
                    body=json.dumps({"chat": chat, "body": text, "from_pn": from_pn}),
                )
                for text in texts
            ]
        )


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[DeliveryHarness]:
    now = SystemClock().now
    async with AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(BridgeStore(tmp_path / "bridge.db", now=now))
        session = await stack.enter_async_context(open_store(tmp_path / "haby" / "store.db", now=now))
        harness = DeliveryHarness(bridge, session, ScriptedPoster())
        stack.push_async_callback(harness.stop)
        yield harness


async def erase(harness: DeliveryHarness, before: int) -> None:
    """What `wa forget` does to the items up to `before`, and what a bridge does that notices it."""
    erased = f'UPDATE journal SET body = \'{{"type":"erased"}}\' WHERE seq < {before}'
    await harness.session.database.write(
        lambda connection: connection.execute(erased).rowcount, lambda _: harness.session.journal.reread()
    )


async def refused(harness: DeliveryHarness, *, legacy: bool = False) -> DeadLetter:
    """A dead letter of one item."""
    harness.poster.answer = lambda _: PostAnswer(status=404)
    await harness.start()
    await harness.registry.register("haby", URL, legacy=legacy)
    await harness.arrive("a")
    await harness.poster.got(1)
    await harness.stop()
    [letter] = await harness.bridge.webhooks.dead_letters("haby", 0, 10)
    return letter


async def test_a_webhook_behind_the_retention_continues_with_the_oldest_item(
    harness: DeliveryHarness, caplog: pytest.LogCaptureFixture
) -> None:
    await harness.start()
    await harness.registry.register("haby", URL)
    await harness.stop()
    await harness.arrive("a", "b", "c", "d")
    await harness.session.compact(max_age=1e9, max_bytes=60)  # only the newest stays
    await harness.start()
    assert await harness.poster.got(1) == ["4"]
    assert "1 to 3 are no longer kept" in caplog.text


async def test_an_item_erased_while_a_webhook_failed_is_not_posted(harness: DeliveryHarness) -> None:
    harness.limits = replace(FAST, page_age=0.0)
    await harness.start()
    await harness.registry.register("haby", URL)
    harness.poster.answer = lambda _: PostAnswer(status=503)
    await harness.arrive("a", "b", "c")
    await harness.poster.got(1)
    await erase(harness, 3)
    before, harness.poster.answer = len(harness.poster.posts), lambda _: ACCEPTED
    posts = await harness.poster.got(before + 1)
    if posts[-1] == "1":  # this post was in progress
        posts = await harness.poster.got(before + 2)
    assert posts[-1] == "3"
    assert "2" not in posts


async def test_an_item_erased_while_it_waits_for_a_slot_is_not_posted(harness: DeliveryHarness) -> None:
    harness.limits = replace(FAST, page_age=0.0, posts=1)
    await harness.start()
    await harness.registry.register("haby", URL)
    concurrency = harness.registry._context.concurrency
    async with concurrency.slot(failing=False), asyncio.timeout(10):
        await harness.arrive("a")
        while not concurrency._healthy._waiters:  # noqa: ASYNC110 - no event reports it
            await asyncio.sleep(0.01)
        await erase(harness, 2)
    await harness.arrive("b")
    assert await harness.poster.got(1) == ["2"]


async def test_an_item_erased_while_it_is_posted_is_no_dead_letter(harness: DeliveryHarness) -> None:
    harness.limits = replace(FAST, page_age=0.0)
    harness.poster.answer = lambda _: PostAnswer(status=404)
    harness.poster.answers.clear()
    await harness.start()
    await harness.registry.register("haby", URL)
    await harness.arrive("a")
    await harness.poster.got(1)
    await erase(harness, 2)
    harness.poster.answers.set()
    await harness.arrive("b")
    assert await harness.poster.got(2) == ["1", "2"]
    await harness.stop()
    assert [one.seq for one in await harness.bridge.webhooks.dead_letters("haby", 0, 10)] == [2]


async def test_a_dead_letter_that_is_deleted_while_it_is_repeated_stays_deleted(harness: DeliveryHarness) -> None:
    letter = await refused(harness)
    harness.poster.answers.clear()
    repeating = asyncio.create_task(harness.registry.redeliver(letter.number), name="repetition")
    await harness.poster.got(2)
    await harness.bridge.webhooks.remove_dead_letter(letter.number)
    harness.poster.answers.set()
    assert await repeating == (PostAnswer(status=404), False)
    assert await harness.bridge.webhooks.dead_letters("haby", 0, 10) == []
    assert await harness.registry.redeliver(letter.number) is None
    assert len(harness.poster.posts) == 2


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_repeated_dead_letter_has_the_time_of_its_listener(harness: DeliveryHarness, *, legacy: bool) -> None:
    letter = await refused(harness, legacy=legacy)
    await harness.registry.redeliver(letter.number)
    assert harness.poster.legacy == [legacy, legacy]
    [left] = await harness.bridge.webhooks.dead_letters("haby", 0, 10)
    assert (left.number, left.attempts, left.status) == (letter.number, 2, 404)


async def test_another_epoch_begins_with_the_oldest(harness: DeliveryHarness) -> None:
    await harness.start()
    await harness.arrive("a", "b")
    await harness.registry.register("haby", URL)
    await harness.stop()
    await harness.session.new_epoch(lambda _: pytest.fail("there are no commands"))
    await harness.start()
    assert await harness.poster.got(2) == ["1", "2"]


async def test_delivered_items_are_not_posted_again_after_a_restart(harness: DeliveryHarness) -> None:
    await harness.start()
    await harness.registry.register("haby", URL)
    await harness.arrive("a", "b")
    await harness.poster.got(2)
    await harness.stop()
    await harness.start()
    await harness.arrive("c")
    assert await harness.poster.got(3) == ["1", "2", "3"]


async def test_only_what_was_in_progress_is_posted_again_after_a_kill(harness: DeliveryHarness) -> None:
    """Delivered items beyond the cursor are known, and a wrong cursor would lose the first."""
    harness.poster.refused = {"2", "5"}
    await harness.start()
    webhook = await harness.registry.register("haby", URL)
    for number in range(1, 7):
        await harness.arrive(f"{number}", chat=f"549115550000{number}@c.us")
    async with asyncio.timeout(10):
        while {seq for _, seq in harness.poster.posts} < set("123456"):
            await harness.poster.got(len(harness.poster.posts) + 1)
    journal = harness.session.journal
    async with asyncio.timeout(10):
        while await journal.settled(webhook.reader, Stream.IN) != {3, 4, 6}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await journal.cursor(webhook.reader, Stream.IN) == 1
    await harness.kill()
    harness.poster.refused, harness.poster.posts = set(), []
    await harness.start()
    await harness.poster.got(2)
    await harness.arrive("7")
    assert await harness.poster.got(3) == ["2", "5", "7"]
    await harness.stop()
    assert await journal.cursor(webhook.reader, Stream.IN) == 7
    assert await journal.settled(webhook.reader, Stream.IN) == set()


async def test_a_person_whose_number_becomes_known_keeps_the_order(harness: DeliveryHarness) -> None:
    harness.poster.refused = {"1"}
    await harness.start()
    await harness.registry.register("haby", URL)
    await harness.arrive("a", chat="5491155500009@lid")
    await harness.arrive("b", chat="5491155500009@lid", from_pn="5491155500001@c.us")
    await harness.arrive("c", chat="5491155500001@c.us")
    await harness.arrive("d", chat="5491155500002@c.us")
    await harness.arrive("e", chat="5491155500002@c.us")
    async with asyncio.timeout(10):
        while "5" not in {seq for _, seq in harness.poster.posts}:
            await harness.poster.got(len(harness.poster.posts) + 1)
    assert {seq for _, seq in harness.poster.posts} == {"1", "4", "5"}
    harness.poster.refused = set()
    async with asyncio.timeout(10):
        while "3" not in {seq for _, seq in harness.poster.posts}:
            await harness.poster.got(len(harness.poster.posts) + 1)
    assert [seq for _, seq in harness.poster.posts][-3:] == ["1", "2", "3"]


async def test_a_chat_that_is_stuck_holds_little_in_memory(harness: DeliveryHarness) -> None:
    harness.limits = replace(FAST, held=20, page=10)
    harness.poster.refused = {"1"}
    await harness.start()
    await harness.registry.register("haby", URL)
    await harness.arrive(*(str(number) for number in range(1, 60)))
    await harness.arrive("beside", chat="5491155500002@c.us")
    await harness.poster.got(3)
    assert {seq for _, seq in harness.poster.posts} == {"1"}
    harness.poster.refused = set()
    async with asyncio.timeout(10):
        while "60" not in {seq for _, seq in harness.poster.posts}:
            await harness.poster.got(len(harness.poster.posts) + 1)


async def test_an_item_is_posted_again_until_its_dead_letter_is_stored(
    harness: DeliveryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = harness.bridge.webhooks.put_dead_letter, 0

    async def put_dead_letter(dead_letter: DeadLetter) -> DeadLetter:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StoreUnusable("the disk is full")
        return await real(dead_letter)

    monkeypatch.setattr(harness.bridge.webhooks, "put_dead_letter", put_dead_letter)
    harness.poster.answer = lambda _: PostAnswer(status=404)
    await harness.start()
    await harness.registry.register("haby", URL)
    await harness.arrive("a", "b")
    assert await harness.poster.got(4) == ["1", "1", "1", "2"]
    await harness.stop()
    assert [one.seq for one in await harness.bridge.webhooks.dead_letters("haby", 0, 10)] == [1, 2]


async def test_an_internal_error_in_one_worker_does_not_stop_the_others(harness: DeliveryHarness) -> None:
    def answer(url: str) -> PostAnswer:
        if url.endswith("faulty"):
            raise RuntimeError("an internal error")
        return ACCEPTED

    harness.poster.answer = answer
    await harness.start()
    await harness.registry.register("haby", "http://localhost/faulty")
    await harness.registry.register("haby", URL)
    await harness.arrive("a", "b", "c")
    async with asyncio.timeout(10):
        while [seq for url, seq in harness.poster.posts if url == URL] != ["1", "2", "3"]:
            await harness.poster.got(len(harness.poster.posts) + 1)
    await harness.stop()  # without waiting for the faulty worker to restart


async def test_webhooks_of_another_session_get_nothing(harness: DeliveryHarness) -> None:
    await harness.start()
    await harness.registry.register("ventas", "http://localhost/ventas")
    await harness.registry.register("haby", URL)
    await harness.arrive("a")
    await harness.poster.got(1)
    assert harness.poster.posts == [(URL, "1")]
    assert harness.session.journal.bounds(Stream.IN).last == 1


async def test_an_unregistered_webhook_is_removed_with_its_cursor(harness: DeliveryHarness) -> None:
    await harness.start()
    webhook = await harness.registry.register("haby", URL)
    await harness.arrive("a")
    await harness.poster.got(1)
    await harness.stop()
    assert await harness.session.journal.cursor(webhook.reader, Stream.IN) == 1
    harness.limits = replace(FAST, ended_retention=0.0)
    await harness.start()
    await harness.registry.unregister("haby", URL)
    async with asyncio.timeout(10):
        while await harness.session.journal.cursor(webhook.reader, Stream.IN):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await harness.bridge.webhooks.webhooks() == []


async def test_a_message_for_many_webhooks_takes_one_step_in_each_turn_of_the_loop(harness: DeliveryHarness) -> None:
    await harness.start()
    for number in range(50):
        await harness.registry.register("haby", f"{URL}/{number}")
    await harness.arrive("a")
    await harness.poster.got(50)
    loop, turn = asyncio.get_running_loop(), 0
    posts: dict[int, list[str]] = {}
    counting: asyncio.Handle

    def count() -> None:
        nonlocal turn, counting
        turn += 1
        counting = loop.call_soon(count)

    def answer(url: str) -> PostAnswer:
        posts.setdefault(turn, []).append(url)
        return ACCEPTED

    counting = loop.call_soon(count)
    harness.poster.answer = answer
    reader = asyncio.create_task(harness.session.journal.wait_beyond(Stream.IN, 1), name="as MQTT")
    reader.add_done_callback(lambda _: posts.setdefault(turn, []).append("MQTT"))
    await harness.arrive("b", "c")
    await harness.poster.got(150)
    counting.cancel()
    order = [url for turn in sorted(posts) for url in posts[turn]]
    assert order[0] == "MQTT"
    assert max(map(len, posts.values())) <= 3
    for number in range(50):
        assert [seq for url, seq in harness.poster.posts if url.endswith(f"/{number}")] == ["1", "2", "3"]


async def test_a_message_that_never_reaches_the_broker_keeps_nothing_from_the_webhooks(
    harness: DeliveryHarness,
) -> None:
    await harness.start()
    urls = [f"{URL}/{number}" for number in range(50)]
    for url in urls:
        await harness.registry.register("haby", url)
    with harness.registry.turns.ahead():
        await harness.arrive("a", "b", "c")
        await harness.poster.got(3 * len(urls))
    assert sorted(harness.poster.posts) == sorted((url, seq) for url in urls for seq in ("1", "2", "3"))
