"""The outbound half of a session: `submit`, the one door for commands, and the loop that sends what was claimed."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid

from bridge.contract.backoff import Backoff
from bridge.contract.commands import SendCommand
from bridge.contract.errors import CodedError, Conflict, Expired, Unsupported
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Result
from bridge.core.pacing import HOLD, Pacing, Schedule
from bridge.core.results import Rejection, accepted, conflict, notice, rejected, result_of
from bridge.core.send_steps import Outcome, SendExecutor, doubt_ends
from bridge.ports import (
    AckChange,
    Claim,
    Claimed,
    Clock,
    CommandOrigin,
    Outbox,
    OutboxRow,
    ReplyTo,
    StoreUnusable,
    WhatsAppDriver,
)

_log = logging.getLogger(__name__)
#: Calls into the page at the same time, each for another chat: a slow chat must not hold up the others.
CONCURRENT = 8
#: Before a send that could not start, or a look-up that was not answered, is tried again.
RETRY = Backoff(2.0, 60.0)


class OutboundPipeline:
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
        self._sender = SendExecutor(session, outbox, driver, clock)
        self._schedule = Schedule(pacing)
        self._random = rng or random.Random()  # noqa: S311 - spreads sends, guards nothing
        self._pending: dict[int, OutboxRow] = {}  # sending, and nothing to be done before news or another page
        self._unsettled: dict[int, tuple[OutboxRow, float]] = {}  # sending, to be looked up from that time on
        self._tries: dict[int, int] = {}  # of rows that are tried again
        self._loaded = 0  # the schedule has every open row up to this number
        self._running = 0
        self._open = False
        self._wake = asyncio.Event()
        self._nothing_runs = asyncio.Event()
        self._nothing_runs.set()

    async def submit(
        self, command: SendCommand, *, origin: CommandOrigin | None = None, reply_to: ReplyTo | None = None
    ) -> Result:
        """Claim a command. On return it is durable and will be sent once, whatever happens.

        Returns `accepted`, the result that stands when the id is known, or `failed: conflict`; the same goes out as a
        notice. Raises `InvalidRequest` for a recipient that cannot be parsed, `Unsupported` for content that the driver
        cannot send, and what the store raises.
        """
        if command.content.kind not in self._driver.sends:
            raise Unsupported(f"This bridge cannot send {command.content.field}; status.sends lists what it can.")
        now = self._clock.now()
        claim = Claim(
            id=command.id or uuid.uuid4().hex,
            to=str(command.recipient),
            content=command.content,
            content_hash=command.content_hash,
            priority=command.priority,
            claimed_at=now,
            expires_at=command.expiry(now),
            reply_to=reply_to,
            transaction=command.transaction,
            meta=command.meta,
            origin=origin if command.id is None else None,
        )
        first = accepted(self._session, claim)
        try:
            claimed = await self._outbox.claim(claim, notice(first, reply_to), self._taken)
        except StoreUnusable:
            raise
        except Exception:
            row = await self._outbox.get(claim.id)
            if row is None:
                raise
            # The fault came after the commit: it will be sent, and who is told `failed` sends it again.
            _log.exception("%s: a fault after the claim of %s", self._session, claim.id)
            claimed = Claimed(row, fresh=False, conflict=row.claim.content_hash != claim.content_hash)
        if claimed.fresh:
            traced = {"session": self._session, "trace": claim.id}
            _log.debug("%s: command %s is claimed", self._session, claim.id, extra=traced)
            return first
        refusal = conflict(self._session, claim, Conflict()) if claimed.conflict else None
        answer = refusal or result_of(self._session, claimed.row)
        await self._outbox.notify(notice(answer, reply_to))
        return answer

    def _taken(self, row: OutboxRow) -> None:
        if row.number > self._loaded:
            self._schedule.add(row)
            self._wake.set()

    async def reject(self, error: CodedError, rejection: Rejection) -> None:
        """Answer an input that could not become a command."""
        command_id = rejection.command_id
        if command_id is None or await self._outbox.get(command_id) is not None:
            command_id = uuid.uuid4().hex  # what stands under an id is not changed by another input that bears it
        _log.info("%s: refused input (%s, SHA-256 %.12s…)", self._session, error.code, rejection.sha256)
        result = rejected(self._session, command_id, rejection, error, self._clock.now())
        answer = notice(result, rejection.reply_to)
        if rejection.once is None:
            await self._outbox.notify(answer)
        else:
            await self._outbox.report_once(rejection.once, answer)

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
        rows = self._in_doubt()
        self._pending.clear()
        for row in rows:
            self._look_up(row)
        self._wake.set()

    def close(self) -> None:
        """The connection is not usable: nothing more starts. Commands wait for it until they expire."""
        self._open = False

    async def drain(self) -> None:
        """Return once no call into the page is under way; nothing new starts after `close`."""
        await self._nothing_runs.wait()

    async def run(self) -> None:
        """Send what is claimed, in order and at the pace, until cancelled."""
        rows = await self._outbox.open_rows()
        for row in rows:
            if row.state is SendState.SENDING:
                self._look_up(row)
            else:
                self._schedule.add(row)
        self._loaded = max((row.number for row in rows), default=0)
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                await self._expire()
                pause = self._start_ready(tasks) if self._open else None
                await self._sleep(pause)

    def _look_up(self, row: OutboxRow) -> None:  # its chat waits for that, so that the order is kept
        now = self._clock.monotonic()
        self._unsettled[row.number] = row, now
        self._schedule.hold(row, now + HOLD)

    def _start_ready(self, tasks: asyncio.TaskGroup) -> float | None:
        """Start what may start; returns when to look again (monotonic), or None to wait for news only."""
        now = self._clock.monotonic()
        later = [at for _, at in self._unsettled.values() if at > now]
        for row in [row for row, at in self._unsettled.values() if at <= now][: CONCURRENT - self._running]:
            del self._unsettled[row.number]
            self._begin(tasks, row, settle=True)
        while self._running < CONCURRENT:
            ready = self._schedule.next(now, self._random.random())
            if not isinstance(ready, OutboxRow):
                return min([*later, *([] if ready is None else [ready])], default=None)
            self._begin(tasks, ready, settle=False)
        return None  # each call that ends wakes the loop

    def _begin(self, tasks: asyncio.TaskGroup, row: OutboxRow, *, settle: bool) -> None:
        self._running += 1
        self._nothing_runs.clear()
        tasks.create_task(self._carry_out(row, settle=settle), name=f"send {self._session} {row.claim.id}")

    async def _carry_out(self, row: OutboxRow, *, settle: bool) -> None:
        try:
            outcome = await (self._sender.settle(row) if settle else self._sender.send(row))
            await self._after(row, outcome)
        finally:
            self._running -= 1
            if not self._running:
                self._nothing_runs.set()
            self._wake.set()

    async def _after(self, row: OutboxRow, outcome: Outcome) -> None:
        waiting = outcome is not Outcome.SETTLED
        if waiting and outcome is not Outcome.RETRY:
            # before the row is read: an ack that came earlier finds nothing in `_pending` to settle
            self._pending[row.number] = row
        current = await self._outbox.get(row.claim.id) if waiting else None
        now = self._clock.monotonic()
        match outcome:
            case Outcome.RETRY if current and current.state is SendState.ACCEPTED:
                self._schedule.put_back(current, now, not_before=now + self._pause(row))
            case Outcome.PENDING | Outcome.DOUBT | Outcome.UNSEEN if current and current.state is SendState.SENDING:
                self._pending[row.number] = current
                if row.state is SendState.ACCEPTED:  # it has just been sent; one that is looked up was held before
                    self._schedule.hold(row, now + HOLD)
                if outcome is Outcome.DOUBT:
                    self.close()
                    await self._driver.reload()
                elif outcome is Outcome.UNSEEN:
                    self._unsettled[row.number] = self._pending.pop(row.number), now + self._pause(row)
            case _:
                self._settled(row)

    def _pause(self, row: OutboxRow) -> float:
        tries = self._tries[row.number] = self._tries.get(row.number, 0) + 1
        return RETRY.pause(tries)

    def _settled(self, row: OutboxRow) -> None:
        self._pending.pop(row.number, None)
        self._unsettled.pop(row.number, None)
        self._tries.pop(row.number, None)
        self._schedule.release(row)
        self._wake.set()

    async def _expire(self) -> None:
        now = self._clock.now()
        for row in (expired := self._schedule.expired(now)):
            self._tries.pop(row.number, None)
        await asyncio.gather(*(self._sender.fail(row, Expired()) for row in expired))  # they share commits
        for row in self._in_doubt():
            if now >= doubt_ends(row):
                await self._sender.give_up(row)
                self._settled(row)

    async def _sleep(self, until: float | None) -> None:
        limits = [until - self._clock.monotonic()] if until is not None else []
        ends = [doubt_ends(row) for row in self._in_doubt()]
        if (expiry := self._schedule.next_expiry()) is not None:
            ends.append(expiry)
        if ends:
            limits.append(min(ends) - self._clock.now())
        try:
            async with asyncio.timeout(max(0.0, min(limits)) if limits else None):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _in_doubt(self) -> list[OutboxRow]:
        return [*self._pending.values(), *(row for row, _ in self._unsettled.values())]
