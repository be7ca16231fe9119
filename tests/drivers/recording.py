"""A session that writes down what a driver tells it, and lets a test wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from bridge.contract.session import SessionState, Situation, may_follow
from bridge.ports import Account, AckChange, IncomingMessage, Item, PairingCode, WhatsAppDriver

PATIENCE = 20.0
type_of_told = Situation | Account | PairingCode | None


class RecordingSink:
    """`told` has everything but live items, in order; `faults` what a driver must never do."""

    def __init__(self) -> None:
        self.told: list[type_of_told] = []
        self.batches: list[list[Item]] = []
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

    async def _take(self, told: type_of_told) -> None:
        self._enter()
        await asyncio.sleep(0)  # a driver that does not wait would be seen inside twice
        self.told.append(told)
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
        return [told for told in self.told if isinstance(told, Situation)]

    @property
    def states(self) -> list[SessionState]:
        return [situation.state for situation in self.situations]

    @property
    def codes(self) -> list[PairingCode | None]:
        return [told for told in self.told if told is None or isinstance(told, PairingCode)]

    @property
    def accounts(self) -> list[Account]:
        return [told for told in self.told if isinstance(told, Account)]

    @property
    def messages(self) -> list[IncomingMessage]:
        return [item for batch in self.batches for item in batch if isinstance(item, IncomingMessage)]

    def acks(self, raw_id: str) -> list[int]:
        items = [item for batch in self.batches for item in batch if isinstance(item, AckChange)]
        return [item.level for item in items if any(key.id == raw_id for key in item.keys)]

    async def until(self, condition: Callable[[], object], limit: float = PATIENCE) -> None:
        """Wait until `condition` holds, looking whenever something was told."""
        try:
            async with asyncio.timeout(limit):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not within {limit:g} s; told: {self.told}, items: {self.batches}") from None

    async def until_state(self, state: SessionState, since: int = 0, limit: float = PATIENCE) -> Situation:
        """Wait for a state among the situations from number `since` on."""
        await self.until(lambda: state in self.states[since:], limit)
        return next(s for s in self.situations[since:] if s.state is state)


@asynccontextmanager
async def running(driver: WhatsAppDriver) -> AsyncIterator[RecordingSink]:
    """The driver at work; at the end it is stopped as a bridge does, and must have kept the rules of the port."""
    sink = RecordingSink()
    run = asyncio.create_task(driver.run(sink), name="driver")
    try:
        yield sink
    finally:
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
    assert sink.faults == []
