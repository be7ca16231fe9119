"""One listener's way through its session's journal: item after item, each until it is delivered or refused for good.

At least once and in order: the cursor moves behind an item before the next is posted. What was posted when the process
died is posted again, with the same delivery id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from bridge.contract.jid import mask
from bridge.contract.messages import Stream, trace_of
from bridge.ports import Clock, DeadLetter, Failure, Journal, Listener, ListenerBook, PostAnswer, StoreUnusable
from bridge.ports import WebhookPost as Post

from .headers import Delivered
from .pages import Item, Pages
from .verdict import OPENS_AFTER, Circuit, Verdict, judge, pause, sentence, wants

_log = logging.getLogger(__name__)
#: Posts under way at once. Listeners that failed last share a few of their own: those that hang must not take the
#: place of those that answer.
SLOTS, AILING_SLOTS = 128, 16


class Slots:
    """Bounds the posts under way in the whole bridge."""

    def __init__(self) -> None:
        self._sound = asyncio.Semaphore(SLOTS)
        self._ailing = asyncio.Semaphore(AILING_SLOTS)

    @asynccontextmanager
    async def one(self, *, ailing: bool) -> AsyncIterator[None]:
        """Hold a slot."""
        async with self._ailing if ailing else self._sound:
            yield


@dataclass(slots=True)
class Standing:
    """How a listener is. `at` = the last item of each stream that is done with; times are unix seconds."""

    failures: int = 0
    delivered: int = 0
    posting: bool = False
    last_error: str | None = None
    last_status: int | None = None
    last_failure: Failure | None = None
    last_delivery_at: float | None = None
    next_attempt_at: float | None = None
    at: dict[Stream, int] = field(default_factory=dict)

    @property
    def circuit(self) -> Circuit:
        """Open after several failures in a row."""
        if self.failures < OPENS_AFTER:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self.posting else Circuit.OPEN


@dataclass(frozen=True, slots=True)
class Means:
    """What every reading of the bridge shares."""

    book: ListenerBook
    post: Post
    clock: Clock
    slots: Slots
    random: Callable[[], float]
    legacy_groups: bool


class Reading:
    """Reads for one listener. `run` ends after `close`, once the post under way is answered."""

    def __init__(self, listener: Listener, journal: Journal, pages: Pages, means: Means, standing: Standing) -> None:
        self.listener = listener
        self.standing = standing
        self._journal = journal
        self._pages = pages
        self._means = means
        self._choice = listener.choice
        if listener.legacy and not means.legacy_groups:
            self._choice = replace(self._choice, groups=False)
        self._turn = asyncio.Lock()  # held from a post to the cursor behind it: one item at a time
        self._woken = asyncio.Event()
        self._closing = asyncio.Event()

    def wake(self) -> None:
        """Try at once: there is news of the listener."""
        self._woken.set()

    def close(self) -> None:
        """Begin nothing more."""
        self._closing.set()

    async def run(self) -> None:
        """Deliver until `close`. Raises what the journal raises."""
        async with asyncio.TaskGroup() as tasks:
            following = [
                tasks.create_task(self._follow(stream), name=f"{self.listener.reader} {stream}")
                for stream in self._choice.streams
            ]
            await self._closing.wait()
            async with self._turn:
                for task in following:
                    task.cancel()

    async def _follow(self, stream: Stream) -> None:
        listener, journal = self.listener, self._journal
        start = listener.start
        at = await journal.cursor(listener.reader, stream)
        if start is not None and start.epoch == journal.epoch:
            at = max(at, start.of(stream))
        moved = at
        while True:
            self.standing.at[stream] = at
            if journal.bounds(stream).last <= at:
                if moved < at:  # what was not wanted need not be read again after a restart
                    await journal.move_cursor(listener.reader, stream, at)
                    moved = at
                await journal.wait_beyond(stream, at)
            for item in await self._pages.after(stream, at):
                if item.seq > at + 1:
                    _log.warning("%s: %s %d to %d are no longer kept", listener.reader, stream, at + 1, item.seq - 1)
                at_once = True
                if wants(self._choice, stream, item.fields):
                    at_once = await self._deliver(stream, item)
                    moved = item.seq
                self.standing.at[stream] = at = item.seq
                if not at_once:  # the rest of the page is old, and may have been erased meanwhile
                    break

    async def _deliver(self, stream: Stream, item: Item) -> bool:
        """Post until it is settled; whether one post was enough."""
        listener, standing = self.listener, self.standing
        attempts = 0
        while True:
            attempts += 1
            self._woken.clear()
            async with self._turn:
                answer = await self._post(stream, item, attempts)
                verdict = judge(answer, attempts)
                if verdict is Verdict.REFUSED and not await self._bury(stream, item, attempts, answer):
                    verdict = Verdict.RETRY
                _log.log(
                    logging.DEBUG if verdict is Verdict.DELIVERED else logging.INFO,
                    "%s: %s %d: %s",
                    *(listener.reader, stream, item.seq, verdict.name.lower()),
                    extra={"session": listener.session, "trace": trace_of(item.fields) or str(item.seq)},
                )
                if verdict is not Verdict.RETRY:
                    await self._journal.move_cursor(listener.reader, stream, item.seq)
            if verdict is not Verdict.RETRY:
                return attempts == 1
            wait = pause(standing.failures, answer, self._means.random())
            standing.next_attempt_at = self._means.clock.now() + wait
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                pass
            there = next(iter(await self._pages.after(stream, item.seq - 1)), None)
            if there is None or there.seq != item.seq or not wants(self._choice, stream, there.fields):
                await self._journal.move_cursor(listener.reader, stream, item.seq)
                return False
            item = there

    async def _post(self, stream: Stream, item: Item, attempts: int) -> PostAnswer:
        standing, listener = self.standing, self.listener
        delivered = Delivered(listener.id, listener.session, stream, self._journal.epoch, item.seq)
        headers = delivered.headers(item.body, attempt=attempts, secret=listener.secret)
        async with self._means.slots.one(ailing=standing.failures > 0):
            standing.posting = True
            try:
                answer = await self._means.post.post(listener.url, item.body, headers)
            finally:
                standing.posting = False
        self._note(answer, judge(answer, attempts))
        return answer

    def _note(self, answer: PostAnswer, verdict: Verdict) -> None:
        standing, now = self.standing, self._means.clock.now()
        before = standing.circuit
        standing.last_status, standing.last_failure = answer.status, answer.failure
        standing.next_attempt_at = None
        if verdict is Verdict.DELIVERED:
            standing.failures, standing.last_error = 0, None
            standing.delivered += 1
            standing.last_delivery_at = now
        else:
            # One that answers is there, even if it answers no.
            standing.failures = 0 if verdict is Verdict.REFUSED else standing.failures + 1
            standing.last_error = sentence(answer)
        if standing.circuit is not before:
            _log.warning("%s: circuit %s. %s", self.listener.reader, standing.circuit, standing.last_error or "")

    async def _bury(self, stream: Stream, item: Item, attempts: int, answer: PostAnswer) -> bool:
        listener = self.listener
        letter = DeadLetter(
            listener_id=listener.id,
            session=listener.session,
            url=listener.url,
            stream=stream,
            epoch=self._journal.epoch,
            seq=item.seq,
            body=item.body.decode(),
            attempts=attempts,
            status=answer.status,
            error=sentence(answer),
            failure=answer.failure,
            at=self._means.clock.now(),
        )
        try:
            await self._means.book.bury(letter)
        except StoreUnusable as error:
            _log.error("%s: a dead letter could not be stored, so it is tried again: %s", listener.reader, error)
            return False
        chat = mask(item.fields.get("chat") or "")
        _log.warning("%s refused %s %d of %s: %s", listener.reader, stream, item.seq, chat, letter.error)
        return True
