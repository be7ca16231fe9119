"""The steps of one send through the driver, and what acks and look-ups do to it.

The rule: reserve, store, then call. A row is `sending` in the store before the call is made, so that after
any crash it is known that the message may have been sent. From then on it is repeated only under its own id: where the
page holds it and will not send it by itself, or where a complete look-up proves that it was not sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from enum import Enum, auto
from weakref import WeakValueDictionary

from bridge.contract.details import DOUBT_TEXT, Doubt
from bridge.contract.errors import BridgeError, CodedError, Expired, InternalError, Refused
from bridge.contract.jid import Jid, MessageKey, mask
from bridge.contract.lifecycle import SendState, after_ack
from bridge.contract.requests import Typing
from bridge.core.outgoing_files import PreparesFiles
from bridge.core.results import ack_notice, with_notices
from bridge.core.shared_commit import in_one_commit
from bridge.ports import (
    AckChange,
    CallInDoubt,
    Change,
    Clock,
    DriverUnavailable,
    LookUp,
    MediaUnusable,
    Outbox,
    OutboxRow,
    SendsOnce,
    StoreUnusable,
)

_log = logging.getLogger(__name__)


class Outcome(Enum):
    """What a try achieved, for the schedule."""

    SETTLED = auto()  # final, or the server has it: the chat is free
    UNSENT = auto()  # final, and nothing was sent: the chat is free
    PENDING = auto()  # WhatsApp Web has it, the server's ack is awaited: the chat is blocked
    DOUBT = auto()  # it may have been sent, or may be sent yet: the page must be replaced before the look-up
    UNSEEN = auto()  # in doubt, and the look-up was not answered: repeat it
    RETRY = auto()  # nothing was sent: try again later
    REPEAT = auto()  # an act that may have been done: the page must be replaced, then it may be done once more


class SendExecutor:
    """Carries out sends of one session. Every method may be called for many rows at once."""

    def __init__(
        self,
        session: str,
        outbox: Outbox,
        driver: SendsOnce,
        clock: Clock,
        may_go: Callable[[OutboxRow, Jid], Awaitable[bool]],
        files: PreparesFiles | None = None,
        *,
        refused: Callable[[CodedError], None] = lambda _: None,
        is_first: Callable[[OutboxRow], bool] = lambda _: False,
    ) -> None:
        """`may_go` says of a row whose chat is known whether its turn has come. `files` has the prepared files.
        `refused` gets each error with which a row failed. `is_first` says whether a row counts as a first message."""
        self._refused = refused
        self._is_first = is_first
        self._files = files
        self._may_go = may_go
        self._session = session
        self._outbox = outbox
        self._driver = driver
        self._clock = clock
        # An ack and the answer of the call race for the same row; each decides on what the other stored.
        self._steps: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._repeated: set[int] = set()
        self._resent: set[int] = set()

    async def send(self, row: OutboxRow) -> Outcome:
        """Send a row that is `accepted`."""
        try:
            key = await self._driver.reserve(Jid.parse(row.claim.to))
            chat = key.remote
            if not await self._may_go(row, chat):
                _log.info("%s: %s waits for one before it", self._session, row.claim.id, extra=self._traced(row))
                return Outcome.RETRY
            await self._show_typing(row, chat)
            self._check_time(row)
        except (DriverUnavailable, CallInDoubt) as error:
            _log.info("%s: %s waits: %s", self._session, row.claim.id, error.text, extra=self._traced(row))
            return Outcome.RETRY
        except StoreUnusable:
            raise
        except CodedError as error:
            await self.fail(row, error)
            return Outcome.UNSENT
        except Exception:  # noqa: BLE001 - nothing was sent: a failure, not a doubt
            _log.exception("%s: %s could not be prepared", self._session, row.claim.id)
            await self.fail(row, InternalError())
            return Outcome.UNSENT
        async with self._step(row.claim.id):
            row = await self._outbox.change(
                row.number,
                Change(
                    SendState.SENDING,
                    self._clock.now(),
                    chat=str(chat),
                    message_id=str(key),
                    first=self._is_first(row),
                ),
            )
        _log.debug("%s: sending %s as %s", self._session, row.claim.id, key.id, extra=self._traced(row))
        return await self._call(row, key)

    async def settle(self, row: OutboxRow) -> Outcome:
        """Look up the outcome of a row that is `sending`. The page that made the call must be gone or answering."""
        key = MessageKey.parse(row.message_id or "")
        try:
            found = await self._driver.look_up(key)
        except (DriverUnavailable, CallInDoubt) as error:
            _log.info("%s: %s cannot be looked up yet: %s", self._session, row.claim.id, error.text)
            return Outcome.UNSEEN
        except Exception:  # noqa: BLE001 - one row that cannot be looked up must not stop the others
            _log.exception("%s: %s cannot be looked up", self._session, row.claim.id)
            return Outcome.UNSEEN
        return await self._settle(row, key, found)

    async def fail(self, row: OutboxRow, error: CodedError) -> None:
        """Store that a row was not sent, and why."""
        _log.info(
            "%s: %s to %s failed: %s",
            self._session,
            row.claim.id,
            mask(row.claim.to),
            error.code,
            extra=self._traced(row),
        )
        await self._change(row, SendState.FAILED, error)

    async def give_up(self, row: OutboxRow) -> None:
        """Store that the outcome of a row is unknown; a later ack still upgrades it."""
        await self._change(row, SendState.UNKNOWN, doubt=Doubt.NOT_CONFIRMED)

    async def acknowledged(self, change: AckChange) -> list[OutboxRow]:
        """Advance the rows that an ack names; returns those that changed. Other messages of the account are ignored."""
        rows = [row for key in change.keys if (row := await self._outbox.of_message(key.id)) is not None]
        steps = [self._advance(row.claim.id, change.level, change.error) for row in rows]
        return [row for row in await in_one_commit(*steps) if row is not None]

    async def _show_typing(self, row: OutboxRow, chat: Jid) -> None:
        if (seconds := row.claim.modifiers.typing) is None:
            return
        try:
            await self._driver.answer(Typing(to=str(chat), seconds=seconds))
        except (CodedError, CallInDoubt) as error:
            _log.info("%s: typing is not shown before %s: %s", self._session, row.claim.id, error.text)
        await asyncio.sleep(seconds)

    def _check_time(self, row: OutboxRow) -> None:
        """Raise `Expired` for a row that expired while the page answered."""
        if row.claim.expires_at is not None and row.claim.expires_at <= self._clock.now():
            raise Expired

    async def _call(self, row: OutboxRow, key: MessageKey) -> Outcome:
        try:
            level = await self._send(row, key)
        except DriverUnavailable:
            await self._change(row, SendState.ACCEPTED)
            return Outcome.RETRY
        except BridgeError as error:
            await self.fail(row, error)
            return Outcome.SETTLED
        except CallInDoubt as error:
            _log.warning("%s: %s is in doubt: %s", self._session, row.claim.id, error.text, extra=self._traced(row))
            return await self._settle_on_the_same_page(row)
        except Exception:  # noqa: BLE001 - whatever was raised, the message may have been sent
            _log.exception("%s: %s is in doubt", self._session, row.claim.id)
            return Outcome.DOUBT
        return await self._after_level(row, level)

    async def _send(self, row: OutboxRow, key: MessageKey) -> int:
        claim = row.claim
        if self._files is None:
            return await self._driver.send(key, claim.content, claim.modifiers)
        async with AsyncExitStack() as stack:
            try:
                file = await stack.enter_async_context(self._files.opened(claim.content))
            except MediaUnusable as error:  # nothing was called yet
                raise DriverUnavailable(error.text) from error
            return await self._driver.send(key, claim.content, claim.modifiers, file)

    async def _settle_on_the_same_page(self, row: OutboxRow) -> Outcome:
        """A page that still answers may show the message; absence proves nothing while the call may still run."""
        row = await self._outbox.get(row.claim.id) or row  # WhatsApp Web may have given it another id
        key = MessageKey.parse(row.message_id or "")
        try:
            found = await self._driver.look_up(key)
        except StoreUnusable:
            raise
        except Exception as error:  # noqa: BLE001 - the outcome stays in doubt
            _log.info("%s: %s cannot be looked up yet: %s", self._session, row.claim.id, error)
            return Outcome.DOUBT
        if found.stopped:
            return await self._resend(row, key, found)
        return Outcome.DOUBT if found.ack is None else await self._after_level(row, found.ack)

    async def _settle(self, row: OutboxRow, key: MessageKey, found: LookUp) -> Outcome:
        if found.stopped:
            return await self._resend(row, key, found)
        if found.ack is not None:
            return await self._after_level(row, found.ack)
        if not found.complete or row.number in self._repeated:
            await self._change(row, SendState.UNKNOWN, doubt=Doubt.CONNECTION_LOST)
            return Outcome.SETTLED
        try:
            self._check_time(row)
        except Expired as error:
            await self.fail(row, error)
            return Outcome.SETTLED
        _log.warning("%s: %s was provably not sent; sending it once more", self._session, row.claim.id)
        self._repeated.add(row.number)
        outcome = await self._call(row, key)
        if outcome in (Outcome.SETTLED, Outcome.RETRY):
            self._repeated.discard(row.number)
        return outcome

    async def _resend(self, row: OutboxRow, key: MessageKey, found: LookUp) -> Outcome:
        """Send a message once more that the page holds and will not send by itself. The id makes that safe.

        One whose upload was cut off is sent from the start: its bytes went with the page.

        The first call may have reached WhatsApp: what goes wrong now leaves the outcome unknown.
        """
        try:
            self._check_time(row)
            _log.info("%s: %s is sent again under its id", self._session, row.claim.id, extra=self._traced(row))
            self._resent.add(row.number)
            level = await (self._send(row, key) if found.not_uploaded else self._driver.resend(key))
        except DriverUnavailable as error:
            _log.info("%s: %s cannot be sent again yet: %s", self._session, row.claim.id, error.text)
            return Outcome.UNSEEN
        except StoreUnusable:
            raise
        except CodedError as error:
            _log.info("%s: %s stays in doubt: %s", self._session, row.claim.id, error.text, extra=self._traced(row))
            await self._change(row, SendState.UNKNOWN, doubt=Doubt.ERROR_SHOWN)
            return Outcome.SETTLED
        except Exception:  # noqa: BLE001 - as in `settle`
            _log.exception("%s: %s cannot be sent again", self._session, row.claim.id)
            return Outcome.UNSEEN
        return await self._after_level(row, level)

    def _traced(self, row: OutboxRow) -> dict[str, str]:
        return {"session": self._session, "trace": row.claim.id}

    def _step(self, command_id: str) -> asyncio.Lock:
        return self._steps.setdefault(command_id, asyncio.Lock())

    async def _after_level(self, row: OutboxRow, level: int) -> Outcome:
        await self._advance(row.claim.id, level)
        # an ack may have come before the call returned
        current = await self._outbox.get(row.claim.id)
        waiting = current is not None and current.state is SendState.SENDING
        return Outcome.PENDING if waiting else Outcome.SETTLED

    async def _advance(self, command_id: str, level: int, refused: BridgeError | None = None) -> OutboxRow | None:
        async with self._step(command_id):
            row = await self._outbox.get(command_id)
            if row is None or (state := after_ack(row.state, level)) is None:
                return None
            if state is SendState.FAILED and row.number in self._resent:
                state = SendState.UNKNOWN  # the repetition is refused; the first call may have reached WhatsApp
            now = self._clock.now()
            if refused is not None:
                self._refused(refused)
            change = change_to(
                state,
                now,
                (refused or Refused()) if state is SendState.FAILED else None,
                Doubt.ERROR_SHOWN if state is SendState.UNKNOWN else None,
            )
            _log.info("%s: %s to %s: %s", self._session, command_id, mask(row.claim.to), state, extra=self._traced(row))
            return await self._outbox.change(
                row.number, with_notices(self._session, row, change, ack_notice(self._session, row, level, now))
            )

    async def _change(
        self, row: OutboxRow, state: SendState, error: CodedError | None = None, doubt: Doubt | None = None
    ) -> None:
        async with self._step(row.claim.id):
            current = await self._outbox.get(row.claim.id)
            if current is None or current.state is not row.state:
                return  # an ack came first
            change = change_to(state, self._clock.now(), error, doubt)
            if error is not None:
                self._refused(error)
            await self._outbox.change(row.number, with_notices(self._session, current, change))


def change_to(state: SendState, at: float, error: CodedError | None, doubt: Doubt | None = None) -> Change:
    """The step to a state, with the error or the doubt that led to it."""
    if error is None:
        return Change(state, at, error_text=DOUBT_TEXT[doubt] if doubt else None, error_detail=doubt)
    return Change(state, at, error_code=str(error.code), error_text=error.text, error_detail=error.detail)
