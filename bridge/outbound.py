"""The outbound half of a session: `submit`, the one door for commands, and the loop that sends what was claimed."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from dataclasses import dataclass

from .contract.commands import SendCommand
from .contract.errors import CodedError, Conflict, Expired
from .contract.lifecycle import FINAL, SendState
from .contract.messages import Result, ResultStatus
from .contract.payload import instant
from .pacing import HOLD, Pacing, Schedule
from .ports import AckChange, Claim, Clock, Origin, Outbox, OutboxRow, WhatsAppDriver
from .results import accepted, conflict, error_info, notice, result_of
from .sending import Outcome, Sender

_log = logging.getLogger(__name__)
#: Calls into the page at the same time, each for another chat: a slow chat must not hold up the others.
CONCURRENT = 8
#: Seconds before a send that could not start is tried again.
RETRY_AFTER = 2.0
#: Seconds after which a message that WhatsApp Web holds without the server's ack is reported as unknown.
DOUBT_LIMIT = 3600.0


@dataclass(frozen=True, slots=True)
class Rejection:
    """An input that never became a command: what could be read of it, for the result."""

    topic: str
    sha256: str
    command_id: str | None = None
    reply_client: str | None = None
    transaction: str | None = None
    once: str | None = None


class Outbound:
    """Commands of one session, from the claim to the final result."""

    def __init__(
        self,
        session: str,
        outbox: Outbox,
        driver: WhatsAppDriver,
        clock: Clock,
        pacing: Pacing,
        *,
        rng: random.Random | None = None,
    ) -> None:
        self._session = session
        self._outbox = outbox
        self._driver = driver
        self._clock = clock
        self._sender = Sender(session, outbox, driver, clock)
        self._schedule = Schedule(pacing)
        self._random = rng or random.Random()  # noqa: S311 - spreads sends, guards nothing
        self._pending: dict[int, OutboxRow] = {}  # sending, and WhatsApp Web may have it
        self._unsettled: dict[int, OutboxRow] = {}  # sending, to be looked up once the page is up
        self._claiming: set[asyncio.Task[Result]] = set()
        self._settling: dict[str, set[asyncio.Event]] = {}  # command id -> who waits for its result
        self._running = 0
        self._open = False
        self._wake = asyncio.Event()

    async def submit(
        self, command: SendCommand, *, origin: Origin | None = None, reply_client: str | None = None
    ) -> Result:
        """Claim a command. On return it is durable and will be sent once, whatever happens.

        Returns `accepted`, the result that stands when the id is known, or `failed: conflict`; the same goes out as a
        notice. Raises `InvalidRequest` for a recipient that cannot be parsed, and what the store raises.
        """
        now = self._clock.now()
        claim = Claim(
            id=command.id or uuid.uuid4().hex,
            to=str(command.recipient),
            text=command.message,
            content_hash=command.content_hash,
            priority=command.priority,
            claimed_at=now,
            expires_at=_expiry(command, now),
            reply_client=reply_client,
            transaction=command.transaction,
            meta=command.meta,
            origin=origin if command.id is None else None,
        )
        # A caller that is cancelled (its connection ended) must not leave a claimed row that nobody schedules.
        claiming = asyncio.create_task(self._claim(claim), name=f"claim {self._session}")
        self._claiming.add(claiming)
        claiming.add_done_callback(self._claiming.discard)
        return await asyncio.shield(claiming)

    async def _claim(self, claim: Claim) -> Result:
        first, reply_client = accepted(self._session, claim), claim.reply_client
        claimed = await self._outbox.claim(claim, notice(first, reply_client))
        if claimed.conflict:
            refusal = conflict(self._session, claim, Conflict())
            await self._outbox.notify(notice(refusal, reply_client))
            return refusal
        if not claimed.fresh:
            standing = result_of(self._session, claimed.row)
            await self._outbox.notify(notice(standing, reply_client))
            return standing
        self._schedule.add(claimed.row)
        self._wake.set()
        return first

    async def reject(self, error: CodedError, rejection: Rejection) -> None:
        """Answer an input that could not become a command."""
        result = Result(
            session=self._session,
            id=rejection.command_id or uuid.uuid4().hex,
            status=ResultStatus.FAILED,
            error=error_info(error),
            at=instant(self._clock.now()),
            transaction=rejection.transaction,
            topic=rejection.topic,
            sha256=rejection.sha256,
        )
        _log.info("%s: refused input on %s: %s", self._session, rejection.topic, error.text)
        if rejection.once is None:
            await self._outbox.notify(notice(result, rejection.reply_client))
        else:
            await self._outbox.report_once(rejection.once, notice(result, rejection.reply_client))

    async def settled(self, command_id: str, timeout: float) -> Result | None:
        """The final result of a command, or the one that stands after `timeout` seconds; None for an unknown id."""
        moved = asyncio.Event()
        self._settling.setdefault(command_id, set()).add(moved)
        try:
            row = await self._outbox.get(command_id)
            try:
                async with asyncio.timeout(timeout):
                    while row is not None and row.state not in FINAL:
                        await moved.wait()
                        moved.clear()
                        row = await self._outbox.get(command_id)
            except TimeoutError:
                pass
        finally:
            self._settling[command_id].discard(moved)
            if not self._settling[command_id]:
                del self._settling[command_id]
        return None if row is None else result_of(self._session, row)

    async def acknowledged(self, change: AckChange) -> None:
        """Take in a tick from WhatsApp. Durable on return."""
        for row in await self._sender.acknowledged(change):
            self._settled(row)

    @property
    def budget(self) -> int | None:
        """Sends that could leave at once; None without pacing."""
        return self._schedule.budget(self._clock.monotonic())

    def open(self) -> None:
        """The connection is usable: sends may start, and what was in doubt can be looked up."""
        self._open = True
        self._unsettled |= self._pending
        self._pending.clear()
        self._wake.set()

    def close(self) -> None:
        """The connection is not usable: nothing more starts. Commands wait for it until they expire."""
        self._open = False

    async def drain(self) -> None:
        """Return once no call into the page is under way; nothing new starts after `close`."""
        while self._running:
            self._wake.clear()
            await self._wake.wait()

    async def run(self) -> None:
        """Send what is claimed, in order and at the pace, until cancelled."""
        for row in await self._outbox.open_rows():
            if row.state is SendState.SENDING:
                self._unsettled[row.number] = row
            else:
                self._schedule.add(row)
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                await self._expire()
                pause = self._start_ready(tasks) if self._open else None
                await self._sleep(pause)

    def _start_ready(self, tasks: asyncio.TaskGroup) -> float | None:
        """Start what may start; returns when to look again (monotonic), or None to wait for news only."""
        now = self._clock.monotonic()
        for number in list(self._unsettled):
            row = self._unsettled.pop(number)
            self._schedule.hold(row, now + HOLD)
            self._begin(tasks, row, settle=True)
        while self._running < CONCURRENT:
            ready = self._schedule.next(now, self._random.random())
            if not isinstance(ready, OutboxRow):
                return ready
            self._begin(tasks, ready, settle=False)
        return None

    def _begin(self, tasks: asyncio.TaskGroup, row: OutboxRow, *, settle: bool) -> None:
        self._running += 1
        tasks.create_task(self._carry_out(row, settle=settle), name=f"send {self._session} {row.claim.id}")

    async def _carry_out(self, row: OutboxRow, *, settle: bool) -> None:
        try:
            outcome = await (self._sender.settle(row) if settle else self._sender.send(row))
            await self._after(row, outcome)
        finally:
            self._tell(row)
            self._running -= 1
            self._wake.set()

    async def _after(self, row: OutboxRow, outcome: Outcome) -> None:
        now = self._clock.monotonic()
        match outcome:
            case Outcome.SETTLED:
                self._schedule.release(row)
            case Outcome.RETRY:
                self._schedule.add(row)
                self._schedule.release(row, not_before=now + RETRY_AFTER)
            case Outcome.PENDING | Outcome.DOUBT:
                self._pending[row.number] = row
                self._schedule.hold(row, now + HOLD)
                # read only now: an ack that came before found nothing to settle in `_pending`
                current = await self._outbox.get(row.claim.id)
                if current is not None and current.state is not SendState.SENDING:
                    self._settled(row)
                    return
                self._pending[row.number] = current or row
                if outcome is Outcome.DOUBT and self._open:
                    self.close()
                    await self._driver.reload()

    def _settled(self, row: OutboxRow) -> None:
        self._pending.pop(row.number, None)
        self._unsettled.pop(row.number, None)
        self._schedule.release(row)
        self._wake.set()
        self._tell(row)

    def _tell(self, row: OutboxRow) -> None:
        for moved in self._settling.get(row.claim.id, ()):
            moved.set()

    async def _expire(self) -> None:
        now = self._clock.now()
        for row in self._schedule.expired(now):
            await self._sender.fail(row, Expired())
            self._tell(row)
        for row in [*self._pending.values(), *self._unsettled.values()]:
            if now >= _doubt_ends(row):
                await self._sender.give_up(row)
                self._settled(row)

    async def _sleep(self, until: float | None) -> None:
        limits = [until - self._clock.monotonic()] if until is not None else []
        ends = [_doubt_ends(row) for row in [*self._pending.values(), *self._unsettled.values()]]
        if (expiry := self._schedule.next_expiry()) is not None:
            ends.append(expiry)
        if ends:
            limits.append(min(ends) - self._clock.now())
        try:
            async with asyncio.timeout(max(0.0, min(limits)) if limits else None):
                await self._wake.wait()
        except TimeoutError:
            pass


def _expiry(command: SendCommand, now: float) -> float | None:
    ends = [now + command.ttl] if command.ttl else []
    if command.expires_at is not None:
        ends.append(command.expires_at.timestamp())
    return min(ends, default=None)


def _doubt_ends(row: OutboxRow) -> float:
    """When to stop waiting for the ack: not before the chat's hold is over, and at the latest after an hour."""
    return max(
        row.changed_at + HOLD, min(row.claim.expires_at or row.changed_at + DOUBT_LIMIT, row.changed_at + DOUBT_LIMIT)
    )
