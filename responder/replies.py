"""The flow: recorded messages → gather → decide again → answer → record the turn → publish. In order within a chat.

Owns the work that is in progress, which is only a copy: all of it is in the store, and is found there again after
whatever happens to this process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bridge.contract.jid import mask
from responder.answers import Answer, AnswerSource
from responder.errors import DatabaseDown, ModelFailed
from responder.faults import FaultLog
from responder.outgoing import AnswerSink
from responder.policy import Verdict
from responder.store.database import PAUSE, until_it_answers
from responder.store.group_commit import GroupCommit
from responder.store.rows import Lease, NewTurn, Pending, QueuedAnswer, Turn, chats_lease
from responder.store.turns import Finished, Turns
from responder.turns import command_ids, due_at, split_answer

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
#: Seconds before a message that the model failed on is tried again: the first, and what it grows to.
RETRY, LONGEST_RETRY = 15.0, 120.0
#: Chats whose last turn is remembered, to tell a first message from one of several quick ones.
REMEMBERED = 10_000


@dataclass(slots=True)
class _Chat:
    """One chat's messages that wait here, with the moment each was seen."""

    part: int
    waiting: list[tuple[Pending, float]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    retry: float = field(default_factory=lambda: RETRY)
    not_before: float = 0.0


class Replies:
    """Answers what is offered. `run` is its life; `max_age` and `gather` in seconds."""

    def __init__(
        self,
        answers: AnswerSource,
        turns: Turns,
        outlet: AnswerSink,
        *,
        held: Mapping[str, Lease],
        faults: FaultLog,
        changed: Callable[[int], None],
        now: Callable[[], float],
        gather: float,
        max_age: float,
    ) -> None:
        self._answers = answers
        self._turns = turns
        self._outlet = outlet
        self._held = held
        self._faults = faults
        self._changed = changed
        self._now = now
        self._gather = gather
        self._max_age = max_age
        self._chats: dict[int, _Chat] = {}
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._delivering: dict[int, asyncio.Task[None]] = {}
        self._last_turn: dict[int, float] = {}
        self._opening: GroupCommit[NewTurn, Turn | Verdict | None] = GroupCommit(self._open)
        self._finishing: GroupCommit[Finished, None] = GroupCommit(self._finish)
        self._tasks: asyncio.TaskGroup

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._opening.run(), name="open turns")
            self._tasks.create_task(self._finishing.run(), name="finish turns")

    def offer(self, found: Iterable[Pending]) -> None:
        """Take messages that are recorded and wait; those of parts that are not ours are left to who has them."""
        seen = asyncio.get_running_loop().time()
        for pending in found:
            if chats_lease(pending.part) not in self._held:
                continue
            chat = self._chats.setdefault(pending.chat_id, _Chat(pending.part))
            if any(known.id == pending.id for known, _ in chat.waiting):
                continue
            chat.waiting.append((pending, seen))
            chat.news.set()
            if pending.chat_id not in self._serving:
                task = self._tasks.create_task(self._serve(pending.chat_id, chat), name=f"chat {pending.chat_id}")
                self._serving[pending.chat_id] = task

    def resume(self, turns: Iterable[Turn]) -> None:
        """Deliver turns whose outcome is not known: the same texts under the same ids."""
        for turn in turns:
            if turn.id not in self._delivering:
                self._deliver(turn)

    async def drop(self, part: int) -> None:
        """Stop the work on a part: it is another replica's."""
        dropped = [chat_id for chat_id, chat in self._chats.items() if chat.part == part]
        tasks = [self._serving[chat_id] for chat_id in dropped if chat_id in self._serving]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _serve(self, chat_id: int, chat: _Chat) -> None:
        try:
            while chat.waiting:
                answer = await self._gather_messages(chat_id, chat)
                asked = self._asked(chat)
                turn = await self._turn(chat, asked, answer)
                if turn is None:
                    continue
                self._note_turn(chat_id)
                chat.waiting = [one for one in chat.waiting if one[0] not in asked]
                await self._deliver(turn).wait()
        except Exception as error:  # noqa: BLE001 - one chat must not stop the others; its messages are found again in the store
            _log.exception("%s", mask(chat.waiting[0][0].chat) if chat.waiting else "a chat")
            self._faults.note("internal", f"chat {chat_id}", type(error).__name__)
        finally:
            self._chats.pop(chat_id, None)
            self._serving.pop(chat_id, None)

    async def _gather_messages(self, chat_id: int, chat: _Chat) -> Answer | None:
        """Wait until the messages are to be answered; the answer, where a rule has one to a first message."""
        clock = asyncio.get_running_loop().time
        first = chat.waiting[0][0]
        is_quiet = clock() - self._last_turn.get(chat_id, -self._gather) >= self._gather
        if first.verdict is Verdict.ORDER:
            return None
        if is_quiet and len(chat.waiting) == 1 and (canned := self._answers.canned([first])) is not None:
            return canned
        while True:
            chat.news.clear()
            due = max(due_at([seen for _, seen in chat.waiting], self._gather), chat.not_before)
            if clock() >= due:
                return None
            try:
                async with asyncio.timeout_at(due):
                    await chat.news.wait()
            except TimeoutError:
                pass

    def _asked(self, chat: _Chat) -> tuple[Pending, ...]:
        """The messages of the next turn: an order alone, else all up to the next order."""
        first = chat.waiting[0][0]
        if first.verdict is Verdict.ORDER:
            return (first,)
        asked = []
        for pending, _ in chat.waiting:
            if pending.verdict is Verdict.ORDER:
                break
            asked.append(pending)
        return tuple(asked)

    async def _turn(self, chat: _Chat, asked: tuple[Pending, ...], answer: Answer | None) -> Turn | None:
        """Record the turn. None: there is none, and the messages are dealt with or will be tried again."""
        first = asked[0]
        found: Answer | Verdict
        if answer is None:
            oldest = self._now() - self._max_age
            if old := [
                pending for pending in asked if pending.timestamp < oldest and pending.verdict is Verdict.ANSWER
            ]:
                await self._refuse(chat, old, Verdict.TOO_OLD)
                return None
            found = await self._patiently(lambda: self._turns.verdict(asked[-1], self._now()))
            if found is Verdict.ANSWER:
                try:
                    found = await self._patiently(lambda: self._answers.find(asked))
                except ModelFailed as error:
                    self._put_off(chat, first, error)
                    return None
        else:
            found = answer
        if isinstance(found, Answer) and (expression := self._answers.forbids(found)) is not None:
            self._faults.note("forbidden", mask(first.chat), f"the answer held what {expression!r} forbids; not sent")
            found = Verdict.FORBIDDEN
        if isinstance(found, Verdict):
            await self._refuse(chat, asked, found)
            return None
        parts = split_answer(found.text)
        ids = command_ids(first.session, first.message_id, len(parts))
        commands = tuple(QueuedAnswer(one, text) for one, text in zip(ids, parts, strict=True))
        new = NewTurn(asked, found.origin, commands, self._now() + self._max_age)
        opened = await self._patiently(lambda: self._opening.put(new))
        if isinstance(opened, Turn):
            chat.retry = RETRY
            self._changed(first.chat_id)
            _log.info("%s: %s answers %d from %s", first.session, found.origin, len(asked), mask(first.chat))
            return opened
        # a verdict is written already; with None the messages are somebody else's, or found again in the store
        chat.waiting = [one for one in chat.waiting if one[0] not in asked]
        return None

    async def _refuse(self, chat: _Chat, asked: Sequence[Pending], verdict: Verdict) -> None:
        await self._patiently(lambda: self._turns.refuse(asked, verdict))
        _log.debug("%s: not answered: %s", mask(asked[0].chat), verdict)
        chat.waiting = [one for one in chat.waiting if one[0] not in asked]

    def _put_off(self, chat: _Chat, first: Pending, error: ModelFailed) -> None:
        pause = max(chat.retry, error.retry_after or 0.0)
        chat.retry = min(chat.retry * 2, LONGEST_RETRY)
        chat.not_before = asyncio.get_running_loop().time() + pause
        self._faults.note(error.code, mask(first.chat), f"{error.text}; asked again in {pause:.0f} s")

    def _deliver(self, turn: Turn) -> asyncio.Event:
        accepted = asyncio.Event()
        task = self._tasks.create_task(self._delivery(turn, accepted), name=f"deliver turn {turn.id}")
        self._delivering[turn.id] = task
        return accepted

    async def _delivery(self, turn: Turn, accepted: asyncio.Event) -> None:
        try:
            finished = await self._outlet.deliver(turn, accepted.set)
            if finished is None:
                return
            if finished.error:
                self._faults.note(finished.error, mask(turn.chat), f"the answer is {finished.state}")
            await self._patiently(lambda: self._finishing.put(finished))
            self._changed(turn.chat_id)
        except Exception as error:  # noqa: BLE001 - the turn stays in the store, and is taken up again from there
            _log.exception("turn %d", turn.id)
            self._faults.note("internal", mask(turn.chat), type(error).__name__)
        finally:
            accepted.set()
            self._delivering.pop(turn.id, None)

    async def _open(self, new: Iterable[NewTurn]) -> list[Turn | Verdict | None]:
        wanted = list(new)
        names = {chats_lease(turn.first.part) for turn in wanted}
        leases = [self._held[name] for name in sorted(names) if name in self._held]
        return await self._turns.open(wanted, leases, self._now())

    async def _finish(self, finished: Iterable[Finished]) -> list[None]:
        done = list(finished)
        await self._turns.finish(done)
        return [None] * len(done)

    async def _patiently(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Try until the database answers; the work waits meanwhile, and nothing of it is lost."""
        pause = PAUSE
        while True:
            try:
                return await attempt()
            except DatabaseDown:
                pause = await until_it_answers(pause)

    def _note_turn(self, chat_id: int) -> None:
        if len(self._last_turn) >= REMEMBERED:
            self._last_turn.clear()
        self._last_turn[chat_id] = asyncio.get_running_loop().time()
