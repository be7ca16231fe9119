"""A session that records what a driver reports, and lets a test wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from bridge.contract.jid import MessageKey
from bridge.contract.limits import AccountLimits
from bridge.contract.session import SessionState, Situation, may_follow
from bridge.ports import (
    Account,
    AckChange,
    IncomingMessage,
    Item,
    PairingCode,
    PasskeyRequest,
    SendStopped,
    WhatsAppDriver,
)

#: No test claims that something comes so fast: it ends a test that waits in vain, before pytest does.
TIMEOUT = 45.0
Report = Situation | Account | PairingCode | None


class RecordingSink:
    """`reports` has everything except live items, in order; `faults` has violations of the port's rules."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.batches: list[list[Item]] = []
        self.passkeys: list[PasskeyRequest | None] = []
        self.limits: list[AccountLimits] = []
        self.refuse_batches = 0
        self.refused = 0
        self.faults: list[str] = []
        self._inside = False
        self._changed = asyncio.Event()

    async def situation_changed(self, situation: Situation) -> None:
        before = self.situations[-1].state if self.situations else None
        if before is not None and not may_follow(before, situation.state):
            self.faults.append(f"{before} -> {situation.state}")
        await self._take(situation)

    async def code_changed(self, code: PairingCode | None) -> None:
        await self._take(code)

    async def passkey_changed(self, request: PasskeyRequest | None) -> None:
        self.passkeys.append(request)
        self._changed.set()

    async def limits_changed(self, limits: AccountLimits) -> None:
        self.limits.append(limits)
        self._changed.set()

    async def logged_in(self, account: Account) -> None:
        await self._take(account)

    async def received(self, batch: Sequence[Item]) -> None:
        if self.refuse_batches:
            self.refuse_batches -= 1
            self.refused += 1
            self._changed.set()
            raise OSError("the disk is full")
        self._enter()
        await asyncio.sleep(0)
        self.batches.append(list(batch))
        self._leave()

    async def _take(self, report: Report) -> None:
        self._enter()
        await asyncio.sleep(0)  # detects a driver that does not wait for the previous call
        self.reports.append(report)
        self._leave()

    def _enter(self) -> None:
        if self._inside:
            self.faults.append("two calls at once")
        self._inside = True

    def _leave(self) -> None:
        self._inside = False
        self._changed.set()

    @property
    def situations(self) -> list[Situation]:
        return [report for report in self.reports if isinstance(report, Situation)]

    @property
    def states(self) -> list[SessionState]:
        return [situation.state for situation in self.situations]

    @property
    def codes(self) -> list[PairingCode | None]:
        return [report for report in self.reports if report is None or isinstance(report, PairingCode)]

    @property
    def accounts(self) -> list[Account]:
        return [report for report in self.reports if isinstance(report, Account)]

    @property
    def messages(self) -> list[IncomingMessage]:
        return [item for batch in self.batches for item in batch if isinstance(item, IncomingMessage)]

    def ack_changes(self, raw_id: str) -> list[AckChange]:
        items = [item for batch in self.batches for item in batch if isinstance(item, AckChange)]
        return [item for item in items if any(key.id == raw_id for key in item.keys)]

    def acks(self, raw_id: str) -> list[int]:
        return [item.level for item in self.ack_changes(raw_id)]

    @property
    def stopped(self) -> list[MessageKey]:
        return [item.key for batch in self.batches for item in batch if isinstance(item, SendStopped)]

    async def until(self, condition: Callable[[], object], limit: float = TIMEOUT) -> None:
        """Wait until `condition` holds; it is checked after every report and batch."""
        try:
            async with asyncio.timeout(limit):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not within {limit:g} s; reports: {self.reports}, items: {self.batches}") from None

    async def until_state(self, state: SessionState, since: int = 0, limit: float = TIMEOUT) -> Situation:
        """Wait for a state among the situations from index `since` on."""
        await self.until(lambda: state in self.states[since:], limit)
        return next(s for s in self.situations[since:] if s.state is state)


@asynccontextmanager
async def running(driver: WhatsAppDriver) -> AsyncIterator[RecordingSink]:
    """A running driver; stops it at the end as a bridge does, and checks that it kept the rules of the port."""
    sink = RecordingSink()
    run = asyncio.create_task(driver.run(sink), name="driver")
    try:
        yield sink
    finally:
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
    assert sink.faults == []
