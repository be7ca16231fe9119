"""The steps of one send through the driver, and what acks and look-ups do to it.

The rule that everything here serves: resolve, reserve, store, then call. A row is `sending` in the store before the
call is made, so whatever happens afterwards it is known that the message may have left; from there it is never
repeated unless a complete look-up proves that it did not.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto

from .contract.errors import BridgeError, CodedError, InternalError, Refused
from .contract.jid import Jid, MessageKey, mask
from .contract.lifecycle import SendState, after_ack
from .ports import (
    AckChange,
    CallInDoubt,
    Change,
    Clock,
    DriverUnavailable,
    LookUp,
    NewNotice,
    Outbox,
    OutboxRow,
    WhatsAppDriver,
)
from .results import ack_notice, notice, result_of

_log = logging.getLogger(__name__)
_NOT_FOUND = "The message may have left before the connection broke, and WhatsApp Web does not know it."
_NO_ANSWER = "WhatsApp has not confirmed the message in time; it may still go out."


class Outcome(Enum):
    """What a try left behind, for the schedule."""

    SETTLED = auto()  # final, or the server has it: the chat is free
    PENDING = auto()  # WhatsApp Web has it, the server's ack is awaited: the chat is held
    DOUBT = auto()  # it may have left: the page must be replaced before it is looked up
    RETRY = auto()  # nothing left: try again later


class Sender:
    """Carries out sends of one session. Every method may be called for many rows at once."""

    def __init__(self, session: str, outbox: Outbox, driver: WhatsAppDriver, clock: Clock) -> None:
        self._session = session
        self._outbox = outbox
        self._driver = driver
        self._clock = clock
        # An ack and the answer of the call race for the same row; each decides on what the other has stored.
        self._step = asyncio.Lock()

    async def send(self, row: OutboxRow) -> Outcome:
        """Send a row that is `accepted`."""
        try:
            key, chat = await self._prepare(row)
        except (DriverUnavailable, CallInDoubt) as error:
            _log.info("%s: %s waits: %s", self._session, row.claim.id, error.text)
            return Outcome.RETRY
        except CodedError as error:
            await self.fail(row, error)
            return Outcome.SETTLED
        async with self._step:
            row = await self._outbox.change(
                row.number,
                Change(SendState.SENDING, self._clock.now(), chat=str(chat), message_id=str(key)),
            )
        return await self._call(row, key)

    async def settle(self, row: OutboxRow) -> Outcome:
        """Find out what became of a row that is `sending`. The page that made the call must be gone or answering."""
        key = MessageKey.parse(row.message_id or "")
        try:
            found = await self._driver.look_up(key)
        except (DriverUnavailable, CallInDoubt) as error:
            _log.info("%s: %s cannot be looked up yet: %s", self._session, row.claim.id, error.text)
            return Outcome.DOUBT
        return await self._settle(row, key, found)

    async def fail(self, row: OutboxRow, error: CodedError) -> None:
        """The row did not go out."""
        _log.info("%s: %s to %s failed: %s", self._session, row.claim.id, mask(row.claim.to), error.text)
        await self._change(row, SendState.FAILED, error)

    async def give_up(self, row: OutboxRow) -> None:
        """Nobody could tell in time what became of the row; a later ack still upgrades it."""
        await self._change(row, SendState.UNKNOWN, text=_NO_ANSWER)

    async def acknowledged(self, change: AckChange) -> list[OutboxRow]:
        """Move the rows that an ack names; returns those that moved. Acks of messages not sent by us move nothing."""
        moved = []
        for key in change.keys:
            row = await self._outbox.of_message(key.id)
            if row is not None and (after := await self._advance(row.claim.id, change.level)) is not None:
                moved.append(after)
        return moved

    async def _prepare(self, row: OutboxRow) -> tuple[MessageKey, Jid]:
        try:
            chat = await self._driver.resolve(Jid.parse(row.claim.to))
            return await self._driver.reserve(chat), chat
        except CodedError:
            raise
        except Exception as error:  # nothing has left, so that a fault of ours is a failure and not a doubt
            _log.exception("%s: %s could not be prepared", self._session, row.claim.id)
            raise InternalError from error

    async def _call(self, row: OutboxRow, key: MessageKey) -> Outcome:
        try:
            level = await self._driver.send_text(key, row.claim.text)
        except DriverUnavailable:
            await self._change(row, SendState.ACCEPTED)
            return Outcome.RETRY
        except BridgeError as error:
            await self.fail(row, error)
            return Outcome.SETTLED
        except CallInDoubt as error:
            _log.warning("%s: %s is in doubt: %s", self._session, row.claim.id, error.text)
            return await self._settle_on_the_same_page(row, key)
        except Exception:  # noqa: BLE001 - whatever was raised, the call may have left
            _log.exception("%s: %s is in doubt", self._session, row.claim.id)
            return Outcome.DOUBT
        return await self._after_level(row, level)

    async def _settle_on_the_same_page(self, row: OutboxRow, key: MessageKey) -> Outcome:
        """A page that still answers may already show the message; absence proves nothing while the call may run."""
        try:
            found = await self._driver.look_up(key)
        except (DriverUnavailable, CallInDoubt):
            return Outcome.DOUBT
        return Outcome.DOUBT if found.ack is None else await self._after_level(row, found.ack)

    async def _settle(self, row: OutboxRow, key: MessageKey, found: LookUp) -> Outcome:
        if found.ack is not None:
            return await self._after_level(row, found.ack)
        if found.complete:
            _log.warning("%s: %s provably did not leave; sending it once more", self._session, row.claim.id)
            return await self._call(row, key)
        await self._change(row, SendState.UNKNOWN, text=_NOT_FOUND)
        return Outcome.SETTLED

    async def _after_level(self, row: OutboxRow, level: int) -> Outcome:
        if level == 0:
            # the ack may have come before the call returned
            current = await self._outbox.get(row.claim.id)
            pending = current is None or current.state is SendState.SENDING
            return Outcome.PENDING if pending else Outcome.SETTLED
        await self._advance(row.claim.id, level)
        return Outcome.SETTLED

    async def _advance(self, command_id: str, level: int) -> OutboxRow | None:
        async with self._step:
            row = await self._outbox.get(command_id)
            if row is None or (state := after_ack(row.state, level)) is None:
                return None
            now = self._clock.now()
            error = Refused(f"WhatsApp refused the message (ack {level}).") if state is SendState.FAILED else None
            return await self._store(row, state, now, error, ack_notice(self._session, row, level, now))

    async def _change(
        self, row: OutboxRow, state: SendState, error: CodedError | None = None, text: str | None = None
    ) -> None:
        async with self._step:
            current = await self._outbox.get(row.claim.id)
            if current is None or current.state is not row.state:
                return  # an ack was quicker and knows better
            await self._store(current, state, self._clock.now(), error, None, text)

    async def _store(
        self,
        row: OutboxRow,
        state: SendState,
        now: float,
        error: CodedError | None,
        ack: NewNotice | None,
        text: str | None = None,
    ) -> OutboxRow:
        code = str(error.code) if error else None
        change = Change(state, now, error_code=code, error_text=error.text if error else text)
        after = row_after(row, change)
        before_result, result = result_of(self._session, row), result_of(self._session, after)
        notices = [ack] if ack else []
        if result.status is not before_result.status:
            notices.insert(0, notice(result, row.claim.reply_client))
        return await self._outbox.change(
            row.number,
            Change(state, now, error_code=code, error_text=change.error_text, notices=tuple(notices)),
        )


def row_after(row: OutboxRow, change: Change) -> OutboxRow:
    """The row that a change leaves, for the result that is stored together with it."""
    return OutboxRow(
        number=row.number,
        claim=row.claim,
        state=change.state,
        chat=change.chat or row.chat,
        message_id=change.message_id or row.message_id,
        error_code=change.error_code,
        error_text=change.error_text,
        changed_at=change.at,
    )
