"""The outbound half of a session: `submit`, the only entry for commands, and the loop that sends claimed commands."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Sequence

from bridge.contract.budget import SendBudget
from bridge.contract.commands import MAX_AHEAD, CancelCommand, SendCommand
from bridge.contract.errors import (
    BridgeError,
    CodedError,
    Conflict,
    Expired,
    InternalError,
    InvalidRequest,
    Unsupported,
)
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Act, Content
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Result
from bridge.contract.waiting import Waiting
from bridge.core.act_steps import ActExecutor
from bridge.core.addressing import Addressing
from bridge.core.budgets import Pacing
from bridge.core.cancellation import Cancellation
from bridge.core.file_preparation import FilePreparation
from bridge.core.in_doubt import InDoubt
from bridge.core.open_commands import take_over
from bridge.core.outgoing_files import PreparesFiles, has_file
from bridge.core.pacing import HOLD, Schedule
from bridge.core.people import People
from bridge.core.reach_out import ReachOutLock
from bridge.core.results import Rejection, accepted, conflict, notice, rejected, result_of
from bridge.core.send_steps import Outcome, SendExecutor
from bridge.core.send_waits import SendWaits
from bridge.ports import (
    AckChange,
    Claim,
    Claimed,
    Clock,
    CommandOrigin,
    IdGiven,
    MediaUnusable,
    Outbox,
    OutboxRow,
    ReplyTo,
    SendsOnce,
    StoreUnusable,
)

_log = logging.getLogger(__name__)
#: Seconds after which the clock is read again, however far the next time is: it may be set.
LONGEST_NAP = 30.0
#: Concurrent calls into the page, each for a different chat: a slow chat must not delay the others. Most of a call is
#: WhatsApp's answer: with 8, ten chats reached 0.71 of what the page alone does; with 12, 0.83. Each may hold a file.
CONCURRENT = 12


class OutboundPipeline:
    """Commands of one session, from the claim to the final result."""

    def __init__(
        self,
        session: str,
        outbox: Outbox,
        driver: SendsOnce,
        clock: Clock,
        pacing: Pacing,
        people: People,
        *,
        files: PreparesFiles | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Without `files`, content with a file is refused."""
        self._session = session
        self._outbox = outbox
        self._driver = driver
        self._clock = clock
        self.people = people
        self._files = files
        self._acts = ActExecutor(session, outbox, driver, clock, self._may_go)
        self._addressing = Addressing(outbox, people.lane)
        self._schedule = Schedule(pacing, self._is_first)
        self._waits = SendWaits(self._schedule, people, clock)
        self._wake = asyncio.Event()
        self.reach_out = ReachOutLock(self._schedule.first_messages, clock, self._wake.set)
        self._cancellation = Cancellation(session, outbox, self._schedule, self._addressing, self._fail)
        self._loaded = asyncio.Event()
        self._executor = SendExecutor(
            session,
            outbox,
            driver,
            clock,
            self._may_go,
            files,
            refused=self.reach_out.refused,
            is_first=self._schedule.is_first_message,
        )
        people.on_pair(self._join)
        people.on_written(self._written)
        self._random = rng or random.Random()  # noqa: S311 - spreads sends, guards nothing
        self._in_doubt = InDoubt()
        self._preparation: FilePreparation | None = None
        if files is not None:
            self._preparation = FilePreparation(
                session,
                files,
                outbox,
                self._schedule,
                self._in_doubt,
                clock,
                self._waits,
                fail=self._executor.fail,
                wake=self._wake.set,
            )
        self._stopped: set[str] = set()  # raw ids of stopped messages whose call still runs here
        self._running: set[asyncio.Task[None]] = set()

    @property
    def own(self) -> str | None:
        """The digits of this account's number; its country's spellings are understood once it is known."""
        return self.people.own

    async def submit(
        self, command: SendCommand, *, origin: CommandOrigin | None = None, reply_to: ReplyTo | None = None
    ) -> Result:
        """Claim a command. On return it is durable and will be sent once, whatever happens.

        Returns `accepted`, the current result of a known id, or `failed: conflict`; the same is published as a notice.
        Raises `InvalidRequest` for a recipient that cannot be parsed and a time too far ahead, `MessageNotFound` for a
        command that is named in place of one and unknown, `Unsupported` for content that the driver cannot send,
        `NotAllowed` for a group in which this account may not write, and what the stores raise.
        """
        if command.content.kind not in self._driver.sends or (self._files is None and has_file(command.content)):
            raise Unsupported(f"This bridge cannot send {command.content.field}; status.sends lists what it can.")
        if command.send_at is not None and command.send_at.timestamp() > self._clock.now() + MAX_AHEAD:
            raise InvalidRequest("send_at is more than a year ahead.")
        async with self._addressing.arrival(command, self.own) as arrival:
            command = arrival.command
            async with arrival.lane:
                content = await self._content_of(command)
            claim = Claim.of(command, self._clock.now(), content=content, origin=origin, reply_to=reply_to)
            waits = self._waits.of_next(claim, command.recipient, can_be_first=not isinstance(content, Act))
            first = accepted(self._session, claim, waits)
            try:
                claimed = await self._outbox.claim(claim, notice(first, reply_to), self._enqueue)
            except StoreUnusable:
                raise
            except Exception:
                row = await self._outbox.get(claim.id)
                if row is None:
                    raise
                # The fault came after the commit: it will be sent; reporting `failed` would make the caller resend it.
                _log.exception("%s: a fault after the claim of %s", self._session, claim.id)
                claimed = Claimed(row, fresh=False, conflict=row.claim.content_hash != claim.content_hash)
        if claimed.fresh:
            traced = {"session": self._session, "trace": claim.id}
            _log.debug("%s: command %s is claimed", self._session, claim.id, extra=traced)
            return first
        if claimed.conflict:
            answer = conflict(self._session, claim, Conflict())
        else:
            answer = result_of(self._session, claimed.row, self.waiting([claimed.row]).get(claimed.row.number))
        await self._outbox.notify(notice(answer, reply_to))
        return answer

    async def _content_of(self, command: SendCommand) -> Content:
        """The content as it is claimed: an inline file is stored."""
        group = self.is_open and command.recipient.is_group
        if group and not (command.id and await self._outbox.get(command.id)):
            await self._driver.may_write(command.recipient)
        try:
            return await self._files.keep(command.content) if self._files else command.content
        except MediaUnusable as error:
            raise InternalError(error.text) from error

    async def cancel(self, command: CancelCommand, *, reply_to: ReplyTo | None = None) -> Result:
        """Take back a command that has not left. Returns `failed: cancelled`, or what is true of one that is being sent
        or is final; the same is published as a notice. Durable on return.

        Raises `MessageNotFound` for an unknown id, and what the stores raise.
        """
        await self._loaded.wait()
        return await self._cancellation.cancel(command, reply_to)

    def _enqueue(self, row: OutboxRow) -> None:
        self._schedule.add(row, self.people.lane(Jid.parse(row.claim.to)))
        self._wake.set()

    def _is_first(self, row: OutboxRow, lane: str) -> bool:
        return self.people.is_stranger(lane) and not isinstance(row.claim.content, Act)

    def _written(self, lane: str) -> None:
        self._schedule.wrote(lane)
        self._wake.set()

    def _join(self, lid: str, number: str) -> None:
        self._schedule.join(lid, number, self._clock.monotonic())
        self._wake.set()

    async def _may_go(self, row: OutboxRow, chat: Jid) -> bool:
        """Whether no earlier row is in flight to the same chat, which may have been written in another way."""
        to = Jid.parse(row.claim.to)
        await self.people.reached(to, chat)
        self._schedule.join(self.people.lane(chat), self.people.lane(to), self._clock.monotonic())
        return self._schedule.is_first(row)

    async def reject(self, error: CodedError, rejection: Rejection) -> None:
        """Answer an input that is not a valid command."""
        command_id = rejection.command_id
        if command_id is None or await self._outbox.get(command_id) is not None:
            command_id = uuid.uuid4().hex  # an invalid input does not change the result of a known id
        reason = error.logged or error.detail
        code = f"{error.code}: {reason}" if reason else error.code
        _log.info("%s: refused input (%s, SHA-256 %.12s…)", self._session, code, rejection.sha256)
        result = rejected(self._session, command_id, rejection, error, self._clock.now())
        answer = notice(result, rejection.reply_to)
        if rejection.once is None:
            await self._outbox.notify(answer)
        else:
            await self._outbox.report_once(rejection.once, answer)

    async def acknowledged(self, change: AckChange) -> None:
        """Apply an ack from WhatsApp. Durable on return."""
        for row in await self._executor.acknowledged(change):
            self._settled(row)

    async def id_given(self, given: IdGiven) -> None:
        """Take over the id that WhatsApp Web gave to a message in place of the reserved one. Durable on return."""
        row = await self._outbox.of_message(given.reserved.id)
        if row is not None:
            await self._outbox.give_id(row.number, str(given.key))

    async def stopped(self, key: MessageKey) -> None:
        """Look up now a message that WhatsApp Web will not send by itself any more."""
        row = await self._outbox.of_message(key.id)
        if row is None or row.state is not SendState.SENDING:
            return
        if self._in_doubt.awaits(row):
            self._in_doubt.look_up(row, self._clock.monotonic())
            self._wake.set()
        else:
            self._stopped.add(key.id)

    @property
    def is_open(self) -> bool:  # the connection is usable: commands may leave
        return self._waits.is_open

    @property
    def not_yet_due(self) -> int:
        """How many open commands wait for their time."""
        return len(self._schedule.timetable.numbers)

    def waiting(self, rows: Sequence[OutboxRow]) -> dict[int, Waiting]:
        """What those of these rows that are accepted wait for, by number."""
        return self._waits.of(rows)

    @property
    def budget(self) -> SendBudget | None:
        """What may be sent now; None where nothing limits it."""
        return self._waits.budget

    def open(self) -> None:
        """The connection is usable: sends may start, and rows in doubt can be looked up."""
        self._waits.is_open = True
        now = self._clock.monotonic()
        for row in self._in_doubt.look_up_all(now):
            self._schedule.hold(row, now + HOLD)
        self._wake.set()

    def close(self) -> None:
        """The connection is not usable: nothing more starts. Commands wait for it until they expire."""
        self._waits.is_open = False

    async def drain(self) -> None:
        """Return once no call into the page is running; nothing new starts after `close`."""
        while self._running:
            await asyncio.wait(self._running)

    async def run(self) -> None:
        """Send claimed commands, in order and at the pace, until cancelled."""
        await take_over(self._outbox, self._acts, self._schedule, self._in_doubt, self.people, self._clock)
        self._loaded.set()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                await self._expire()
                self._schedule.keep_time(self._clock.now())
                if self._preparation is not None:
                    self._preparation.start(tasks)
                pause = self._start_ready(tasks) if self.is_open else None
                await self._sleep(pause)

    def _start_ready(self, tasks: asyncio.TaskGroup) -> float | None:
        """Start what may start; returns when to check again (monotonic), or None to wait for a wake-up only."""
        now = self._clock.monotonic()
        for row in self._in_doubt.take_due(now, CONCURRENT - len(self._running)):
            self._start(tasks, row, settle=True)
        while len(self._running) < CONCURRENT:
            ready = self._schedule.next(now, self._random.random())
            if not isinstance(ready, OutboxRow):
                return min((at for at in (self._in_doubt.next_look_up(), ready) if at is not None), default=None)
            self._start(tasks, ready, settle=False)
        return None  # each call that ends wakes the loop

    def _start(self, tasks: asyncio.TaskGroup, row: OutboxRow, *, settle: bool) -> None:
        name = f"send {self._session} {row.claim.id}"
        task = tasks.create_task(self._carry_out(row, settle=settle), name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _carry_out(self, row: OutboxRow, *, settle: bool) -> None:
        if isinstance(row.claim.content, Act):
            outcome = await self._acts.carry_out(row, row.claim.content)
        else:
            outcome = await (self._executor.settle(row) if settle else self._executor.send(row))
        if outcome in (Outcome.SETTLED, Outcome.UNSENT):
            if outcome is Outcome.UNSENT:
                self._schedule.first_messages.give_back(row.number, self._clock.monotonic())
            self._settled(row)
            return
        if outcome not in (Outcome.RETRY, Outcome.REPEAT):
            # before the row is read: an ack that comes meanwhile must find the row here to settle it
            self._in_doubt.await_ack(row)
        current = await self._outbox.get(row.claim.id)
        now = self._clock.monotonic()
        match outcome:
            case Outcome.RETRY | Outcome.REPEAT if current and current.state is SendState.ACCEPTED:
                self._schedule.put_back(current, now, not_before=now + self._in_doubt.pause(row))
            case Outcome.PENDING | Outcome.DOUBT | Outcome.UNSEEN if current and current.state is SendState.SENDING:
                self._in_doubt.await_ack(current)
                if self._was_stopped(current):
                    self._in_doubt.look_up(current, now)
                if row.state is SendState.ACCEPTED:  # it has just been sent; one that is looked up was held before
                    self._schedule.hold(row, now + HOLD)
                if outcome is Outcome.DOUBT:
                    self.close()
                    await self._driver.reload()
                elif outcome is Outcome.UNSEEN:
                    self._in_doubt.look_up(current, now + self._in_doubt.pause(row))
            case _:
                self._settled(row)
        if outcome is Outcome.REPEAT:
            self.close()
            await self._driver.reload()

    def _was_stopped(self, row: OutboxRow) -> bool:
        raw_id = MessageKey.parse(row.message_id or "").id
        stopped = raw_id in self._stopped
        self._stopped.discard(raw_id)
        return stopped

    def _settled(self, row: OutboxRow) -> None:
        self._in_doubt.settle(row)
        self._schedule.release(row)
        self._wake.set()

    async def _expire(self) -> None:
        now = self._clock.now()
        if expired := self._schedule.expired(now):
            prepared = self._preparation
            errors = [Expired() if prepared is None else prepared.expiry_of(row) for row in expired]
            await asyncio.gather(*map(self._fail, expired, errors))  # they share commits
        for row in self._in_doubt.ended(now):
            await self._executor.give_up(row)
            self._settled(row)

    async def _fail(self, row: OutboxRow, error: BridgeError) -> None:
        self._in_doubt.settle(row)
        await (self._acts if isinstance(row.claim.content, Act) else self._executor).fail(row, error)

    async def _sleep(self, until: float | None) -> None:
        times = (until, self._schedule.next_try())
        limits = [time - self._clock.monotonic() for time in times if time is not None]
        ends = (self._in_doubt.next_end(), self._schedule.next_expiry(), self._schedule.timetable.next_due())
        limits += [min(end - self._clock.now(), LONGEST_NAP) for end in ends if end is not None]
        try:
            async with asyncio.timeout(max(0.0, min(limits)) if limits else None):
                await self._wake.wait()
        except TimeoutError:
            pass
