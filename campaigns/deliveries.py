"""Carries out one recipient's command: publishes it, asks for its result until there is one, and stores it.

The recipient is claimed before; its id and text never change. Publishing it again is safe as long as the bridge knows
the id: the same store, within a day, and never after `expires_at`. Where that is not certain the outcome is `unknown`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.client import Client, CodedError, Content, NoAnswer, NoBridge, NoSuchSession, Priority, Result, ResultStatus
from bridge.contract.campaigns import RecipientState
from bridge.contract.errors import Conflict, ReachOutLocked
from bridge.contract.session import SessionState
from bridge.sql.database import while_down
from campaigns.addresses import person_of
from campaigns.lifecycle import MOST_ATTEMPTS, NOT_SENT
from campaigns.store.recipients import RecipientStore
from campaigns.store.rows import Recipient

_log = logging.getLogger(__name__)
#: Seconds to wait for the outcome of a command before it is published again.
RESULT_TIMEOUT = 60.0
#: Seconds before another try while the bridge is away.
AWAY = 2.0
#: Seconds to wait for the answer to a cancellation.
CANCEL_TIMEOUT = 10.0
#: Seconds after `expires_at` in which a bridge that was away may still report the outcome.
GRACE = 3600.0
#: Seconds for which a bridge certainly knows the id of a command: it keeps ids for a day at least.
KNOWN = 82_800.0
#: Codes of this service: the bridge has another store; it never answered; it may have forgotten the id.
NEW_STORE, NO_ANSWER, FORGOTTEN = "new_store", "no_answer", "forgotten"


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """How a delivery ended: `code` of a failure or of a recipient that waits again."""

    state: RecipientState
    code: str | None = None

    @property
    def is_locked(self) -> bool:
        """Whether WhatsApp lets the account begin no chats."""
        return self.code == ReachOutLocked.code


class Deliveries:
    """The commands of all campaigns."""

    def __init__(self, client: Callable[[], Client], recipients: RecipientStore, now: Callable[[], float]) -> None:
        self._client = client
        self._recipients = recipients
        self._now = now
        #: Outcomes since the start, by session; `waiting`: it provably sent nothing and waits again.
        self.outcomes: Counter[tuple[str, str]] = Counter()

    async def deliver(self, session: str, one: Recipient, content: str | Content) -> DeliveryOutcome:
        """Publish a claimed recipient's command until it has an outcome, and store that."""
        outcome = await self._outcome(session, one, content)
        self.outcomes[session, outcome.state] += 1
        return outcome

    async def _outcome(self, session: str, one: Recipient, content: str | Content) -> DeliveryOutcome:
        while True:
            if await self._has_other_store(session, one):
                return await self._finish(one, RecipientState.UNKNOWN, NEW_STORE)
            result = await self._ask(session, one, content)
            if isinstance(result, DeliveryOutcome):
                return result
            if result is not None and result.status is not ResultStatus.ACCEPTED:
                return await self._take(session, one, result)
            if self._now() > (one.expires_at or 0.0) + GRACE and result is None:
                return await self._finish(one, RecipientState.UNKNOWN, NO_ANSWER)

    async def take_back(self, session: str, one: Recipient) -> bool:
        """Cancel a command that has not left; `deliver` then gets that outcome, and the recipient waits again.

        Returns whether the bridge cancelled it.
        """
        try:
            result = await self._client().cancel(session, str(one.command), timeout=CANCEL_TIMEOUT)
        except CodedError as error:  # it leaves, or it expires: its result says which
            _log.info("%s could not be taken back: %s", one.command, error.text)
            return False
        return result.error is not None and result.error.code == "cancelled"

    async def _ask(self, session: str, one: Recipient, content: str | Content) -> Result | DeliveryOutcome | None:
        try:
            return await self._client().send(
                session,
                one.to,
                content,
                id=str(one.command),
                expires_at=datetime.fromtimestamp(one.expires_at or 0.0, UTC),
                ttl=0,
                priority=Priority.BULK,
                meta={"campaign": one.campaign, "n": one.n},
                timeout=RESULT_TIMEOUT,
            )
        except NoAnswer:
            return None
        except CodedError as error:  # what the client itself refuses was not published
            if error.code == "client_closed":
                raise
            if error.transient or isinstance(error, NoSuchSession):
                await asyncio.sleep(AWAY)
                return None
            return await self._finish(one, RecipientState.FAILED, error.code, error.text)

    async def _take(self, session: str, one: Recipient, result: Result) -> DeliveryOutcome:
        code = result.error.code if result.error else None
        text = result.error.text if result.error else None
        if result.status is ResultStatus.SENT:
            sent_at = result.at.timestamp()
            return await self._finish(one, RecipientState.SENT, chat=person_of(result.chat), at=sent_at)
        if result.status is ResultStatus.UNKNOWN and code is None and await self._has_other_store(session, one):
            code = NEW_STORE
        if result.status is ResultStatus.UNKNOWN or code == Conflict.code:
            return await self._finish(one, RecipientState.UNKNOWN, code, text)
        if code in NOT_SENT:
            if self._now() - (one.claimed_at or 0.0) > KNOWN:
                return await self._finish(one, RecipientState.UNKNOWN, FORGOTTEN)
            if await self._has_other_store(session, one):
                return await self._finish(one, RecipientState.UNKNOWN, NEW_STORE)
            if one.attempt < MOST_ATTEMPTS:
                await while_down(lambda: self._recipients.release(one, code))
                return DeliveryOutcome(RecipientState.WAITING, code)
        return await self._finish(one, RecipientState.FAILED, code or "internal", text)

    async def _has_other_store(self, session: str, one: Recipient) -> bool:
        """Whether the bridge that is asked now is not the one that may have claimed the command; waits for a bridge."""
        deadline = (one.expires_at or 0.0) + GRACE
        while self._now() <= deadline:
            try:
                status = await self._client().status(session)
            except (NoBridge, NoSuchSession):
                status = None
            if status is not None and status.state is not SessionState.OFFLINE and status.epoch is not None:
                return one.epoch is not None and status.epoch != one.epoch
            await asyncio.sleep(AWAY)
        return False

    async def _finish(
        self,
        one: Recipient,
        state: RecipientState,
        code: str | None = None,
        error: str | None = None,
        chat: str | None = None,
        at: float | None = None,
    ) -> DeliveryOutcome:
        moment = self._now() if at is None else at
        await while_down(lambda: self._recipients.finish(one, state, moment, code=code, error=error, chat=chat))
        if state is not RecipientState.SENT:
            _log.info("%s: %s (%s)", one.command, state, code)
        return DeliveryOutcome(state, code)
