"""The flow: recorded messages → gather → decide again → answer → record the turn → publish. In order within a chat.

The work in progress is only a copy of what the store holds; after any crash it is found there again.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bridge.contract.jid import mask
from bridge.sql.database import while_down
from bridge.sql.errors import DatabaseDown
from responder.answers import Answer, AnswerSource
from responder.errors import ModelFailed
from responder.faults import FaultLog
from responder.outgoing import AnswerSink
from responder.policy import Verdict
from responder.store.group_commit import GroupCommit
from responder.store.rows import Lease, NewTurn, Pending, QueuedAnswer, Turn, chats_lease
from responder.store.turns import Finished, Turns
from responder.timing import ReplyTiming
from responder.turns import AUTOMATIC, command_ids, due_at, split_answer
from responder.voice_notes import VoiceNotes

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Chat:
    """The messages of one chat that wait here, each with the moment at which it was queued."""

    part: int
    retry: float
    waiting: list[tuple[Pending, float]] = field(default_factory=list)
    added: asyncio.Event = field(default_factory=asyncio.Event)
    not_before: float = 0.0

    def remove(self, batch: Sequence[Pending]) -> None:
        self.waiting = [one for one in self.waiting if one[0] not in batch]


class Replies:
    """Answers what is enqueued, while `run` runs. `max_age` and `gather` in seconds."""

    def __init__(
        self,
        answers: AnswerSource,
        turns: Turns,
        sink: AnswerSink,
        voice: VoiceNotes,
        *,
        leases: Mapping[str, Lease],
        faults: FaultLog,
        changed: Callable[[int], None],
        now: Callable[[], float],
        gather: float,
        max_age: float,
        timing: ReplyTiming,
    ) -> None:
        self._answers = answers
        self._turns = turns
        self._sink = sink
        self._voice = voice
        self._leases = leases
        self._faults = faults
        self._changed = changed
        self._now = now
        self._gather = gather
        self._max_age = max_age
        self._timing = timing
        self._chats: dict[int, _Chat] = {}
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._delivering: dict[int, tuple[Turn, asyncio.Task[None]]] = {}
        self._withdrawing: set[int] = set()
        self._opening: GroupCommit[NewTurn, Turn | Verdict | None] = GroupCommit(self._open, turns.fit)
        self._finishing: GroupCommit[Finished, None] = GroupCommit(self._finish)
        self._tasks: asyncio.TaskGroup
        self._is_running = False

    @property
    def is_running(self) -> bool:
        """Whether answers may be in progress."""
        return self._is_running

    @property
    def deliveries(self) -> int:
        """The number of turns that are being delivered."""
        return len(self._delivering)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            self._is_running = True
            try:
                async with asyncio.TaskGroup() as writers:
                    writers.create_task(self._opening.run(), name="open turns")
                    writers.create_task(self._finishing.run(), name="finish turns")
            finally:
                self._is_running = False

    def enqueue(self, found: Iterable[Pending]) -> None:
        """Queue recorded messages that wait for an answer; those of other replicas' parts are left to them."""
        if not self._is_running:  # they are found in the store once it runs
            return
        queued_at = asyncio.get_running_loop().time()
        for pending in found:
            if chats_lease(pending.part) not in self._leases:
                continue
            if pending.verdict is Verdict.TRANSCRIBE:
                self._voice.enqueue(pending, self._tasks)
                self.wake([pending.chat_id])
                continue
            chat = self._chats.setdefault(pending.chat_id, _Chat(pending.part, self._timing.retry))
            if any(known.id == pending.id for known, _ in chat.waiting):
                continue
            insort(chat.waiting, (pending, queued_at), key=lambda one: one[0].id)
            chat.added.set()
            if pending.chat_id not in self._serving:
                task = self._tasks.create_task(self._serve(pending.chat_id, chat), name=f"chat {pending.chat_id}")
                self._serving[pending.chat_id] = task

    def wake(self, chat_ids: Iterable[int]) -> None:
        """Look again when the messages of these chats are due."""
        for chat_id in chat_ids:
            if (chat := self._chats.get(chat_id)) is not None:
                chat.added.set()

    def resume(self, turns: Iterable[Turn]) -> None:
        """Deliver turns whose outcome is not known: the same texts under the same ids."""
        if not self._is_running:  # they are found in the store once it runs
            return
        for turn in turns:
            if turn.id not in self._delivering and turn.id not in self._withdrawing:
                self._deliver(turn)

    async def take_up(self, turns: Sequence[Turn]) -> None:
        """Resume turns, or take them back where their chat is not answered any more. Raises DatabaseDown."""
        if not self._is_running:
            return
        stopped = await self._turns.stopped({turn.chat_id for turn in turns if turn.origin in AUTOMATIC}, self._now())
        for turn in turns:
            if turn.origin in AUTOMATIC and turn.chat_id in stopped:
                self._withdraw(turn, stopped[turn.chat_id])
            else:
                self.resume([turn])

    def review(self, chat_ids: Iterable[int] | None = None) -> None:
        """Take back what waits to be sent to these chats, or to all, if they are not answered any more."""
        among = None if chat_ids is None else set(chat_ids)
        delivered = {turn.chat_id for turn, _ in self._delivering.values() if turn.origin in AUTOMATIC}
        if found := delivered if among is None else delivered & among:
            self._tasks.create_task(self._review(found), name="review answers")

    async def _review(self, chat_ids: set[int]) -> None:
        with suppress(DatabaseDown):  # else at the next poll
            stopped = await self._turns.stopped(chat_ids, self._now())
            for turn, _ in list(self._delivering.values()):
                if turn.origin in AUTOMATIC and turn.chat_id in stopped:
                    self._withdraw(turn, stopped[turn.chat_id])

    async def drop(self, part: int) -> None:
        """Stop the work on a part that another replica takes over."""
        await self._voice.drop(part)
        dropped = [chat_id for chat_id, chat in self._chats.items() if chat.part == part]
        tasks = [self._serving[chat_id] for chat_id in dropped if chat_id in self._serving]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _serve(self, chat_id: int, chat: _Chat) -> None:
        try:
            while chat.waiting:
                await self._gather_messages(chat)
                batch = _next_batch(chat)
                turn = await self._turn(chat, batch)
                if turn is None:
                    continue
                chat.remove(batch)
                await self._deliver(turn).wait()
        except Exception as error:  # noqa: BLE001 - one chat must not stop the others; the store still has its messages
            _log.exception("%s", mask(chat.waiting[0][0].chat) if chat.waiting else "a chat")
            self._faults.note("internal", f"chat {chat_id}", type(error).__name__)
        finally:
            self._chats.pop(chat_id, None)
            self._serving.pop(chat_id, None)

    async def _gather_messages(self, chat: _Chat) -> None:
        """Wait until the messages are due; an order is at once, and what a rule answers needs no model."""
        clock = asyncio.get_running_loop().time
        while chat.waiting[0][0].verdict is not Verdict.ORDER:
            chat.added.clear()
            queued = sorted(queued_at for _, queued_at in chat.waiting)
            held = self._voice.held_until(chat.waiting[0][0].chat_id)
            due = max(due_at(queued, self._gather), held)
            if clock() >= due:
                if clock() >= chat.not_before or self._answers.canned(_next_batch(chat)) is not None:
                    return
                due = chat.not_before
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await chat.added.wait()

    async def _turn(self, chat: _Chat, batch: tuple[Pending, ...]) -> Turn | None:
        """Record the turn. None: the messages are refused, answered elsewhere, or tried again later."""
        first = batch[0]
        oldest = self._now() - self._max_age
        if old := [pending for pending in batch if pending.timestamp < oldest and pending.verdict is Verdict.ANSWER]:
            await self._refuse(chat, old, Verdict.TOO_OLD)
            return None
        found: Answer | Verdict = await while_down(lambda: self._turns.verdict(batch[-1], self._now()))
        if found is Verdict.CLOSED and (closed := self._answers.closed()) is not None:
            found = closed
        if found is Verdict.ANSWER:
            try:
                found = await while_down(lambda: self._answers.find(batch))
            except ModelFailed as error:
                if error.transient:
                    self._schedule_retry(chat, first, error)
                    return None
                self._faults.note(error.code, mask(first.chat), f"{error.text}; not asked again")
                found = Verdict.MODEL_FAILED
        if isinstance(found, Answer) and (expression := self._answers.forbids(found)) is not None:
            self._faults.note("forbidden", mask(first.chat), f"the answer matches {expression!r}, which is forbidden")
            found = Verdict.FORBIDDEN
        if isinstance(found, Verdict):
            await self._refuse(chat, batch, found)
            return None
        parts = split_answer(found.text) if found.file is None else [found.text]
        ids = command_ids(first.session, first.message_id, len(parts))
        content = None if found.file is None else found.file.content.as_field()
        commands = tuple(QueuedAnswer(one, text, content) for one, text in zip(ids, parts, strict=True))
        new = NewTurn(batch, found.origin, commands, self._now() + self._max_age)
        opened = await while_down(lambda: self._opening.put(new))
        if isinstance(opened, Turn):
            chat.retry = self._timing.retry
            self._changed(first.chat_id)
            _log.info("%s: %s answers %d from %s", first.session, found.origin, len(batch), mask(first.chat))
            return opened
        # a verdict is written already; with None another replica has the messages, or the store is polled for them
        chat.remove(batch)
        return None

    async def _refuse(self, chat: _Chat, batch: Sequence[Pending], verdict: Verdict) -> None:
        await while_down(lambda: self._turns.refuse(batch, verdict))
        _log.debug("%s: not answered: %s", mask(batch[0].chat), verdict)
        chat.remove(batch)

    def _schedule_retry(self, chat: _Chat, first: Pending, error: ModelFailed) -> None:
        # a server may ask for a day, in which the chat would not even be found too old
        pause = max(chat.retry, min(error.retry_after or 0.0, self._timing.longest_retry))
        chat.retry = min(chat.retry * 2, self._timing.longest_retry)
        chat.not_before = asyncio.get_running_loop().time() + pause
        self._faults.note(error.code, mask(first.chat), f"{error.text}; asked again in {pause:.0f} s")

    def _deliver(self, turn: Turn) -> asyncio.Event:
        accepted = asyncio.Event()
        task = self._tasks.create_task(self._delivery(turn, accepted), name=f"deliver turn {turn.id}")
        self._delivering[turn.id] = turn, task
        return accepted

    def _withdraw(self, turn: Turn, verdict: Verdict) -> None:
        if turn.id not in self._withdrawing:
            self._withdrawing.add(turn.id)
            self._tasks.create_task(self._withdrawal(turn, verdict), name=f"take back turn {turn.id}")

    async def _withdrawal(self, turn: Turn, verdict: Verdict) -> None:
        try:
            if self._sink.is_cancellable and (delivery := self._delivering.get(turn.id)) is not None:
                delivery[1].cancel()
                await asyncio.wait([delivery[1]])
            if (finished := await self._sink.withdraw(turn)) is None:
                return
            _log.info("%s: the answer to %s is %s: %s", turn.session, mask(turn.chat), finished.state, verdict)
            await while_down(lambda: self._finishing.put(finished))
            self._changed(turn.chat_id)
        except Exception as error:  # noqa: BLE001 - the turn stays in the store and is taken back from there
            _log.exception("turn %d", turn.id)
            self._faults.note("internal", mask(turn.chat), type(error).__name__)
        finally:
            self._withdrawing.discard(turn.id)

    async def _delivery(self, turn: Turn, accepted: asyncio.Event) -> None:
        try:
            finished = await self._sink.deliver(turn, accepted.set)
            if finished is None:
                return
            if finished.error:
                self._faults.note(finished.error, mask(turn.chat), f"the answer is {finished.state}")
            await while_down(lambda: self._finishing.put(finished))
            self._changed(turn.chat_id)
        except Exception as error:  # noqa: BLE001 - the turn stays in the store and is resumed from there
            _log.exception("turn %d", turn.id)
            self._faults.note("internal", mask(turn.chat), type(error).__name__)
        finally:
            accepted.set()
            self._delivering.pop(turn.id, None)

    async def _open(self, new: Iterable[NewTurn]) -> list[Turn | Verdict | None]:
        turns = list(new)
        names = {chats_lease(turn.first.part) for turn in turns}
        leases = [self._leases[name] for name in sorted(names) if name in self._leases]
        return await self._turns.open(turns, leases, self._now())

    async def _finish(self, finished: Iterable[Finished]) -> list[None]:
        turns = list(finished)
        await self._turns.finish(turns)
        return [None] * len(turns)


def _next_batch(chat: _Chat) -> tuple[Pending, ...]:
    """The messages of the next turn: an order alone, else all up to the next order."""
    first = chat.waiting[0][0]
    if first.verdict is Verdict.ORDER:
        return (first,)
    batch = []
    for pending, _ in chat.waiting:
        if pending.verdict is Verdict.ORDER:
            break
        batch.append(pending)
    return tuple(batch)
