"""The inbound half of a session: what WhatsApp showed goes to the journal before anyone is told."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence

from .contract.jid import mask
from .contract.messages import EventBody, EventKind, MessageBody
from .contract.payload import instant, valid_text
from .ports import Account, IncomingMessage, Journal, JournalRecord, Memory, Outbox

_log = logging.getLogger(__name__)
#: Types that WhatsApp writes by itself; they are no message of anybody. Source: wa-js `MSG_TYPE`.
SYSTEM_TYPES = frozenset(
    {
        "broadcast_notification",
        "call_log",
        "ciphertext",
        "debug",
        "e2e_notification",
        "gp2",
        "group_notification",
        "notification",
        "notification_template",
        "protocol",
        "reaction",
        "revoked",
    }
)
_BASELINE, _ACCOUNT = "baseline", "account"


class Inbound:
    """Filters, converts and journals what a driver hands over. `baseline` = unix seconds; older is history."""

    def __init__(self, session: str, cliente_id: int, journal: Journal, outbox: Outbox, memory: Memory) -> None:
        self._session = session
        self._cliente_id = cliente_id
        self._journal = journal
        self._outbox = outbox
        self._memory = memory
        self._baseline: int | None = None

    async def logged_in(self, account: Account) -> None:
        """Set the baseline at the first pairing; another number than before gets a new one.

        The same number paired again keeps it: what came in between is owed to the readers.
        """
        owner = str(account.pn or account.lid or "")
        known, baseline = await self._memory.get(_ACCOUNT), await self._memory.get(_BASELINE)
        if baseline is None or (known and owner and known != owner):
            if baseline is not None:
                _log.warning("%s: now paired with another number (%s)", self._session, mask(owner))
            baseline = str(account.paired_at if account.paired_at is not None else account.service_time)
            await self._memory.set(_BASELINE, baseline)
        if owner and owner != known:
            await self._memory.set(_ACCOUNT, owner)
        self._baseline = int(baseline)

    async def take(self, messages: Sequence[IncomingMessage], *, late: bool) -> int:
        """Journal messages in order; returns how many were new. Durable on return."""
        fresh = 0
        others: list[IncomingMessage] = []
        for message in messages:
            if message.key.from_me:
                fresh += await self._take_own(message, late=late)
            elif self._belongs_to_in(message):
                others.append(message)
        if not others:
            return fresh
        for message in others:
            if message.from_lid and message.from_pn:
                await self._journal.add_alias(str(message.from_lid), str(message.from_pn))
        numbers = await self._journal.append([self._record(message, late=late) for message in others])
        for message, seq in zip(others, numbers, strict=True):
            if seq is not None:
                _log.info("%s: Mensaje recibido de %s (seq %d)", self._session, message.chat.masked, seq)
                fresh += 1
        return fresh

    async def watermarks(self) -> tuple[dict[str, int], int]:
        """Where catch-up starts: the newest time in each chat, and the baseline for the others."""
        return await self._journal.watermarks(), self._baseline or 0

    def _belongs_to_in(self, message: IncomingMessage) -> bool:
        if message.type == "unknown" and message.raw is not None:
            return True  # better told without being understood than lost
        if not message.chat.is_conversation or message.type in SYSTEM_TYPES:
            return False
        return self._baseline is None or message.timestamp >= self._baseline

    async def _take_own(self, message: IncomingMessage, *, late: bool) -> int:
        if not self._belongs_to_in(message) or await self._outbox.of_message(message.key.id) is not None:
            return 0
        event = EventBody(
            kind=EventKind.OWN_MESSAGE,
            at=instant(message.timestamp),
            chat=str(message.chat),
            message=self._body(message, late=late),
        )
        seq = await self._journal.append_event(event.to_json(), once=f"{EventKind.OWN_MESSAGE}:{message.key.id}")
        return 0 if seq is None else 1

    def _record(self, message: IncomingMessage, *, late: bool) -> JournalRecord:
        return JournalRecord(
            chat=str(message.chat),
            raw_id=message.key.id,
            author=str(message.author) if message.author else None,
            timestamp=message.timestamp,
            type=message.type,
            content_hash=hashlib.sha256(message.body.encode("utf-8", "replace")).hexdigest(),
            body=self._body(message, late=late).to_json(),
        )

    def _body(self, message: IncomingMessage, *, late: bool) -> MessageBody:
        return MessageBody(
            id=message.id,
            from_=str(message.chat),
            chat=str(message.chat),
            author=str(message.author or message.chat),
            from_pn=str(message.from_pn) if message.from_pn else None,
            from_lid=str(message.from_lid) if message.from_lid else None,
            body=valid_text(message.body),
            type=message.type,
            timestamp=message.timestamp,
            cliente_id=self._cliente_id,
            notify_name=valid_text(message.notify_name) if message.notify_name else None,
            late=late,
            quoted=message.quoted,
            mentions=list(message.mentions) or None,
            forwarded=message.forwarded,
            media=message.media,
            location=message.location,
            contacts=list(message.contacts) or None,
            raw=json.loads(valid_text(json.dumps(message.raw, ensure_ascii=False, default=str)))
            if message.raw is not None
            else None,
        )
