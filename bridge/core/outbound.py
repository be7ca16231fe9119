"""The outbound half of a session: `submit`, the only entry for commands, and the loop that sends claimed commands."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Sequence

from bridge.contract.commands import SendCommand
from bridge.contract.errors import (
    BridgeError,
    CodedError,
    Conflict,
    Expired,
    InternalError,
    MediaUnavailable,
    Unsupported,
)
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Act
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Result
from bridge.contract.payload import instant
from bridge.contract.waiting import Waiting, WaitReason
from bridge.core.act_steps import ActExecutor
from bridge.core.addressing import Addressing
from bridge.core.in_doubt import InDoubt
from bridge.core.outgoing_files import PreparesFiles, has_file
from bridge.core.pacing import HOLD, PacedWait, Pacing, Schedule
from bridge.core.people import People
from bridge.core.reach_out import ReachOutLock
from bridge.core.results import Rejection, accepted, conflict, notice, rejected, result_of
from bridge.core.send_steps import Outcome, SendExecutor
from bridge.ports import (
    AckChange,
    Claim,
    Claimed,
    Clock,
    CommandOrigin,
    FileNotFetched,
    IdGiven,
    MediaUnusable,
    Outbox,
    OutboxRow,
    ReplyTo,
    SendsOnce,
    StoreUnusable,
)

_log = logging.getLogger(__name__)
#: Concurrent calls into the page, each for a different chat: a slow chat must not delay the others.
CONCURRENT = 8


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
        self._people = people
        self._files = files
        self._acts = ActExecutor(session, outbox, driver, clock, self._may_go)
        self._arrivals = asyncio.Lock()
        self._addressing = Addressing(outbox)
        self._schedule = Schedule(pacing)
        self._wake = asyncio.Event()
        self.reach_out = ReachOutLock(session, people, self._schedule, clock, self._wake.set)
        refused = self.reach_out.refused
        self._executor = SendExecutor(session, outbox, driver, clock, self._may_go, files, refused=refused)
        people.on_pair(self._join)
        self._random = rng or random.Random()  # noqa: S311 - spreads sends, guards nothing
        self._in_doubt = InDoubt()
        self._stopped: set[str] = set()  # raw ids of stopped messages whose call still runs here
        self._running: set[asyncio.Task[None]] = set()
        self._not_fetched: dict[int, str] = {}  # number -> why its file could not be prepared yet
        self._open = False

    @property
    def own(self) -> str | None:
        """The digits of this account's number; its country's spellings are understood once it is known."""
        return self._people.own

    async def submit(
        self, command: SendCommand, *, origin: CommandOrigin | None = None, reply_to: ReplyTo | None = None
    ) -> Result:
        """Claim a command. On return it is durable and will be sent once, whatever happens.

        Returns `accepted`, the current result of a known id, or `failed: conflict`; the same is published as a notice.
        Raises `InvalidRequest` for a recipient that cannot be parsed, `MessageNotFound` for a command that is named in
        place of one and unknown, `Unsupported` for content that the driver cannot send, `NotAllowed` for a group in
        which this account may not write, and what the stores raise.
        """
        if command.content.kind not in self._driver.sends or (self._files is None and has_file(command.content)):
            raise Unsupported(f"This bridge cannot send {command.content.field}; status.sends lists what it can.")
        async with self._arrivals:  # claims keep the order of arrival, also of commands that take a moment here
            command = await self._addressing.addressed(command.sent_from(self.own))
            if self._open and command.recipient.is_group and not (command.id and await self._outbox.get(command.id)):
                await self._driver.may_write(command.recipient)
            try:
                content = await self._files.keep(command.content) if self._files else command.content
            except MediaUnusable as error:
                raise InternalError(error.text) from error
        now = self._clock.now()
        claim = Claim(
            id=command.id or uuid.uuid4().hex,
            to=str(command.recipient),
            content=content,
            content_hash=command.content_hash,
            modifiers=command.modifiers,
            priority=command.priority,
            claimed_at=now,
            expires_at=command.expiry(now),
            reply_to=reply_to,
            transaction=command.transaction,
            meta=command.meta,
            origin=origin if command.id is None else None,
        )
        waits = self._waiting_of(command.recipient, now)
        if self._open:
            waits = await self.reach_out.wait_of(command.recipient, content) or waits
        first = accepted(self._session, claim, waits)
        self._addressing.claiming[claim.id] = claim.to
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
        finally:
            self._addressing.claiming.pop(claim.id, None)
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

    def _enqueue(self, row: OutboxRow) -> None:
        self._schedule.add(row, self._people.lane(Jid.parse(row.claim.to)))
        self._wake.set()

    def _join(self, lid: str, number: str) -> None:
        self._schedule.join(lid, number, self._clock.monotonic())
        self._wake.set()

    async def _may_go(self, row: OutboxRow, chat: Jid) -> bool:
        """Whether no earlier row is in flight to the same chat, which may have been written in another way."""
        to = Jid.parse(row.claim.to)
        await self._people.reached(to, chat)
        self._schedule.join(self._people.lane(chat), self._people.lane(to), self._clock.monotonic())
        return self._schedule.is_first(row)

    async def reject(self, error: CodedError, rejection: Rejection) -> None:
        """Answer an input that is not a valid command."""
        command_id = rejection.command_id
        if command_id is None or await self._outbox.get(command_id) is not None:
            command_id = uuid.uuid4().hex  # an invalid input does not change the result of a known id
        _log.info("%s: refused input (%s, SHA-256 %.12s…)", self._session, error.code, rejection.sha256)
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

    def waiting(self, rows: Sequence[OutboxRow]) -> dict[int, Waiting]:
        """What those of these rows that are accepted wait for, by number."""
        if not self._open:
            reason = Waiting(reason=WaitReason.NOT_CONNECTED, until=None)
            return {row.number: reason for row in rows if row.state is SendState.ACCEPTED}
        now = self._clock.now()
        found = self._schedule.waits(rows, self._clock.monotonic())
        return {number: self._published(wait, now) for number, wait in found.items()} | self.reach_out.waiting(rows)

    def _waiting_of(self, to: Jid, now: float) -> Waiting | None:
        """What a command to this address that is claimed now waits for."""
        if not self._open:
            return Waiting(reason=WaitReason.NOT_CONNECTED, until=None)
        wait = self._schedule.wait_of_next(self._people.lane(to), self._clock.monotonic())
        return None if wait is None else self._published(wait, now)

    def _published(self, wait: PacedWait, now: float) -> Waiting:
        left = None if wait.until is None else wait.until - self._clock.monotonic()
        return Waiting(reason=wait.reason, until=None if left is None else instant(now + left))

    @property
    def budget(self) -> int | None:
        """Sends that could go out at once; None without pacing."""
        return self._schedule.budget(self._clock.monotonic())

    def open(self) -> None:
        """The connection is usable: sends may start, and rows in doubt can be looked up."""
        self._open = True
        now = self._clock.monotonic()
        for row in self._in_doubt.look_up_all(now):
            self._schedule.hold(row, now + HOLD)
        self._wake.set()

    def close(self) -> None:
        """The connection is not usable: nothing more starts. Commands wait for it until they expire."""
        self._open = False

    async def drain(self) -> None:
        """Return once no call into the page is running; nothing new starts after `close`."""
        while self._running:
            await asyncio.wait(self._running)

    async def run(self) -> None:
        """Send claimed commands, in order and at the pace, until cancelled."""
        rows = await self._acts.resume(await self._outbox.open_rows())
        now = self._clock.monotonic()
        self._schedule.load(rows, [self._people.lane(Jid.parse(row.claim.to)) for row in rows])
        for row in rows:
            if row.state is SendState.SENDING:  # its chat waits for the look-up, so that the order is kept
                self._in_doubt.look_up(row, now)
                self._schedule.hold(row, now + HOLD)
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                await self._expire()
                self._prepare_files(tasks)
                pause = self._start_ready(tasks) if self._open else None
                await self._sleep(pause)

    def _prepare_files(self, tasks: asyncio.TaskGroup) -> None:
        while self._files is not None and (row := self._schedule.next_to_prepare(self._clock.monotonic())) is not None:
            tasks.create_task(self._prepare(self._files, row), name=f"file of {self._session} {row.claim.id}")

    async def _prepare(self, files: PreparesFiles, row: OutboxRow) -> None:
        """Prepare the file of a row; where that may work later, rest before the next try. No other chat waits."""
        try:
            content = await files.prepare(row.claim.content)
            row = await self._outbox.replace_content(row.number, content)
        except (FileNotFetched, MediaUnusable) as error:
            _log.info("%s: %s waits for its file: %s", self._session, row.claim.id, error.text)
            if self._schedule.is_queued(row):
                self._not_fetched[row.number] = error.text
                self._schedule.prepare_later(row, self._clock.monotonic() + self._in_doubt.pause(row))
        except StoreUnusable:
            raise
        except Exception as error:  # noqa: BLE001 - nothing was sent: a failure, not a doubt
            if not isinstance(error, BridgeError):
                _log.exception("%s: the file of %s could not be prepared", self._session, row.claim.id)
            if self._schedule.is_queued(row):
                self._schedule.drop(row)
                await self._executor.fail(row, error if isinstance(error, BridgeError) else InternalError())
            self._file_settled(row)
        else:
            self._file_settled(row)
            self._schedule.prepared(row)
        self._wake.set()

    def _file_settled(self, row: OutboxRow) -> None:
        self._not_fetched.pop(row.number, None)
        self._in_doubt.settle(row)

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
        if not settle and await self.reach_out.hold(row):
            return
        if isinstance(row.claim.content, Act):
            outcome = await self._acts.carry_out(row, row.claim.content)
        else:
            outcome = await (self._executor.settle(row) if settle else self._executor.send(row))
        if outcome is Outcome.SETTLED:
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
        for row in (expired := self._schedule.expired(now)):
            self.reach_out.drop(row)
            self._in_doubt.settle(row)
        await asyncio.gather(*(self._fail(row, self._expiry_of(row)) for row in expired))  # they share commits
        for row in self._in_doubt.ended(now):
            await self._executor.give_up(row)
            self._settled(row)

    async def _fail(self, row: OutboxRow, error: BridgeError) -> None:
        await (self._acts if isinstance(row.claim.content, Act) else self._executor).fail(row, error)

    def _expiry_of(self, row: OutboxRow) -> BridgeError:
        why = self._not_fetched.pop(row.number, None)
        return Expired() if why is None else MediaUnavailable(why)

    async def _sleep(self, until: float | None) -> None:
        times = (until, self._schedule.next_try())
        limits = [time - self._clock.monotonic() for time in times if time is not None]
        ends = (self._in_doubt.next_end(), self._schedule.next_expiry())
        limits += [end - self._clock.now() for end in ends if end is not None]
        try:
            async with asyncio.timeout(max(0.0, min(limits)) if limits else None):
                await self._wake.wait()
        except TimeoutError:
            pass
