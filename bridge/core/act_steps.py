"""The steps of an act: a reaction, an edit or a revocation of a message that exists.

WhatsApp Web gives no id for it that could be looked up. But doing it twice is what doing it once is, as long as nothing
later is done in between: so one in doubt is done once more, first in its chat, after the page that made the call is
gone. In doubt again, or where it cannot be done again, its outcome is unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bridge.contract.details import Doubt
from bridge.contract.errors import BridgeError, CodedError, Expired, InternalError, MessageNotFound
from bridge.contract.jid import Jid, mask
from bridge.contract.kinds import Act
from bridge.contract.lifecycle import SendState
from bridge.core.results import with_notices
from bridge.core.send_steps import Outcome, change_to
from bridge.ports import (
    Acts,
    CallInDoubt,
    Change,
    Clock,
    DriverUnavailable,
    Outbox,
    OutboxRow,
    Sends,
    StoreUnusable,
)

_log = logging.getLogger(__name__)


class ActsInChats(Acts, Sends, Protocol):
    """What an act needs of the driver."""


class ActExecutor:
    """Carries out the acts of one session. Every method may be called for many rows at once."""

    def __init__(
        self,
        session: str,
        outbox: Outbox,
        driver: ActsInChats,
        clock: Clock,
        may_go: Callable[[OutboxRow, Jid], Awaitable[bool]],
    ) -> None:
        """`may_go` says of a row whose chat is known whether its turn has come."""
        self._session = session
        self._outbox = outbox
        self._driver = driver
        self._clock = clock
        self._may_go = may_go

    async def carry_out(self, row: OutboxRow, act: Act) -> Outcome:
        """Try a row that is `accepted`."""
        try:
            target = await self._target(act)
            chat = await self._driver.resolve(Jid.parse(row.claim.to))
            if target is None or not await self._may_go(row, chat):
                _log.info("%s: %s waits for one before it", self._session, row.claim.id, extra=self._traced(row))
                return Outcome.RETRY
            if row.claim.expires_at is not None and row.claim.expires_at <= self._clock.now():
                raise Expired
        except (DriverUnavailable, CallInDoubt) as error:
            _log.info("%s: %s waits: %s", self._session, row.claim.id, error.text, extra=self._traced(row))
            return Outcome.RETRY
        except StoreUnusable:
            raise
        except CodedError as error:
            return await self.fail(row, error)
        except Exception:  # noqa: BLE001 - nothing was done: a failure, not a doubt
            _log.exception("%s: %s could not be prepared", self._session, row.claim.id)
            return await self.fail(row, InternalError())
        row = await self._outbox.change(row.number, Change(SendState.SENDING, self._clock.now(), chat=str(chat)))
        return await self._call(row, chat, act.on(target))

    async def fail(self, row: OutboxRow, error: CodedError) -> Outcome:
        """Store that it was not done, and why; that the outcome is unknown, where an earlier call may have done it."""
        in_doubt = row.message_id is not None  # see `_repeat`
        _log.info(
            "%s: %s to %s failed: %s%s",
            self._session,
            row.claim.id,
            mask(row.claim.to),
            error.code,
            ", after a call in doubt" * in_doubt,
            extra=self._traced(row),
        )
        now = self._clock.now()
        if in_doubt:
            await self._change(row, change_to(SendState.UNKNOWN, now, None, Doubt.CONNECTION_LOST))
        else:
            await self._change(row, change_to(SendState.FAILED, now, error))
        return Outcome.SETTLED

    async def resume(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        """The open rows at the start; the acts among them that are `sending` wait for their turn again."""
        return [await self._resumed(row) if row.state is SendState.SENDING else row for row in rows]

    async def _resumed(self, row: OutboxRow) -> OutboxRow:
        if not isinstance(act := row.claim.content, Act):
            return row
        named = None if act.command_id is None else await self._outbox.get(act.command_id)
        return await self._repeat(row, act.message_id or (named and named.message_id) or "")

    async def _target(self, act: Act) -> str | None:
        """The id of the message; None while the command that it names may still send it. Raises `MessageNotFound`."""
        if act.command_id is None:
            return act.message_id
        row = await self._outbox.get(act.command_id)
        if row is None:
            raise MessageNotFound("There is no command of this id, or it was deleted by age.")
        if isinstance(row.claim.content, Act):
            raise MessageNotFound("The command of this id sends no message of its own.")
        if row.state is SendState.FAILED or (row.state is SendState.UNKNOWN and row.message_id is None):
            raise MessageNotFound("The command of this id sent no message.")
        return None if row.state in (SendState.ACCEPTED, SendState.SENDING) else row.message_id

    async def _call(self, row: OutboxRow, chat: Jid, act: Act) -> Outcome:
        try:
            message_id = await self._driver.act(chat, act)
        except DriverUnavailable:
            await self._change(row, Change(SendState.ACCEPTED, self._clock.now()))
            return Outcome.RETRY
        except BridgeError as error:
            return await self.fail(row, error)
        except CallInDoubt as error:
            _log.warning("%s: %s is in doubt: %s", self._session, row.claim.id, error.text, extra=self._traced(row))
        except Exception:  # noqa: BLE001 - whatever was raised, it may have been done
            _log.exception("%s: %s is in doubt", self._session, row.claim.id)
        else:
            done = Change(SendState.SENT, self._clock.now(), message_id=message_id, acts_on=True)
            _log.info("%s: %s to %s: done", self._session, row.claim.id, mask(row.claim.to), extra=self._traced(row))
            await self._change(row, done)
            return Outcome.SETTLED
        if row.message_id is not None:  # for the second time
            await self._change(row, change_to(SendState.UNKNOWN, self._clock.now(), None, Doubt.CONNECTION_LOST))
        else:
            await self._repeat(row, act.message_id or "")
        return Outcome.REPEAT

    async def _repeat(self, row: OutboxRow, message_id: str) -> OutboxRow:
        """Let a row wait for its turn again; its `message_id` says that it may have been done."""
        in_doubt = Change(SendState.ACCEPTED, self._clock.now(), message_id=message_id, acts_on=True)
        return await self._change(row, in_doubt)

    def _traced(self, row: OutboxRow) -> dict[str, str]:
        return {"session": self._session, "trace": row.claim.id}

    async def _change(self, row: OutboxRow, change: Change) -> OutboxRow:
        return await self._outbox.change(row.number, with_notices(self._session, row, change))
