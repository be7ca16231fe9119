"""The inbound half of a session: messages and events are journalled before they are published."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from bridge.contract.events import OWN_MESSAGE, SENT_MESSAGE, EventBody, SentCommand
from bridge.contract.jid import Jid, mask
from bridge.contract.kinds import SYSTEM_TYPES
from bridge.contract.lifecycle import ack_name
from bridge.contract.messages import HistoryMessage, MessageBody
from bridge.contract.payload import instant
from bridge.core.conversion import body_of, text_of, time_of
from bridge.core.media_policy import MediaPolicy
from bridge.core.people import ACCOUNT_PN, People, Person, is_of_two
from bridge.core.shared_commit import in_one_commit
from bridge.core.undecrypted import UndecryptedMessages
from bridge.core.unread_chats import UnreadChats
from bridge.ports import (
    Account,
    IncomingEvent,
    IncomingMessage,
    Journal,
    JournalRecord,
    KeyValueStore,
    NewMedia,
    Outbox,
)

_log = logging.getLogger(__name__)
_BASELINE, _PN, _LID, _PAIRED = "baseline", ACCOUNT_PN, "account_lid", "paired"
#: Seconds after a pairing in which the phone may still send messages written while no device was linked.
HISTORY_COMES = 3600
#: Seconds by which a newer message may have arrived before an older one of another chat.
OVERTAKEN = 60
#: Seconds after which it is stored again until when everything was announced live.
LIVE_STEP = 3600
_LIVE = "live_until"
#: 64 bits: texts are compared only between messages that have one raw id and one time.
_HASH_DIGITS = 16
_SHA256 = re.compile("[0-9a-f]{64}")


class InboundPipeline:
    """Filters, converts and journals what a driver delivers.

    Messages older than the baseline (unix seconds), or than what the journal remembers, are history and left out.
    """

    def __init__(
        self,
        session: str,
        cliente_id: int,
        journal: Journal,
        outbox: Outbox,
        memory: KeyValueStore,
        people: People,
        *,
        now: Callable[[], float],
        media: MediaPolicy = MediaPolicy(),  # noqa: B008 - frozen
    ) -> None:
        self._session = session
        self._media = media
        self._cliente_id = cliente_id
        self._journal = journal
        self._outbox = outbox
        self._memory = memory
        self._people = people
        self._now = now
        self._baseline: int | None = None
        self._own: frozenset[str] = frozenset()  # this account's addresses
        self._undecrypted = UndecryptedMessages(memory, journal, people, now)
        #: What catch-up could not read.
        self.unread = UnreadChats(memory)
        #: Whether the last pairing is so recent that the phone may still send history.
        self.history_comes = False
        self._paired_at = self._owed_from = 0  # that pairing, and where its history starts
        self._connected_at = self._live_until = 0
        #: From when (unix seconds) reactions and votes may not have been announced; those before are journalled.
        self.acts_since = 0

    async def logged_in(self, account: Account) -> None:
        """Set the baseline at the first pairing, and again when another number is paired.

        The same number paired again keeps it: messages that came in between must still be published.
        """
        owner = {_PN: str(account.pn or ""), _LID: str(account.lid or "")}
        known = {name: await self._memory.get(name) or "" for name in owner}
        baseline, other = await self._memory.get(_BASELINE), is_other_account(known, owner)
        is_new = baseline is None or other
        if baseline is None or other:
            if baseline is not None:
                _log.warning("%s: now paired with another number (%s)", self._session, mask(owner[_PN] or owner[_LID]))
            baseline = str(account.paired_at if account.paired_at is not None else account.service_time)
            await self._memory.set(_BASELINE, baseline)
            await self._undecrypted.give_up_all()
            await self.unread.replace({})
        for name, address in owner.items():
            if address != known[name] and (address or other):
                await self._memory.set(name, address)
        self._own = frozenset(address or ("" if other else known[name]) for name, address in owner.items()) - {""}
        self._people.note_own(owner[_PN] or None)
        self._baseline = int(baseline)
        await self._note_pairing(account.paired_at, is_new=is_new)
        await self._undecrypted.load()

    async def connected(self, at: int) -> None:
        """A connection began, at this time of the service's clock (unix seconds): older messages are late."""
        self._connected_at = at
        self._live_until = int(await self._memory.get(_LIVE) or 0)
        self.acts_since = await self.unread.acts_since(self._live_until or self._baseline or 0, at)
        await self._undecrypted.connected(at)

    async def was_live(self, at: int) -> None:
        """Everything up to about this time was announced live; stored once an hour of it has passed."""
        if at - OVERTAKEN >= self._live_until + LIVE_STEP:
            self._live_until = at - OVERTAKEN
            await self._memory.set(_LIVE, str(self._live_until))

    def note_written(self, messages: Iterable[IncomingMessage]) -> None:
        """People wrote these messages, whether they are journalled or older than the pairing: they are answered."""
        now = self._now()
        for message in messages:
            if message.name not in SYSTEM_TYPES and not message.key.from_me:  # a notice of WhatsApp is no answer
                self._people.note_written(message.chat, min(time_of(message), now))

    async def journal_messages(self, messages: Sequence[IncomingMessage]) -> int:
        """Journal messages in order; returns how many were new. Durable on return."""
        others: list[IncomingMessage] = []
        own: list[IncomingMessage] = []
        received = [message for message in messages if not message.key.from_me and self._is_owed(message)]
        await self._undecrypted.notice(received)  # before a newer message moves the chat's watermark past it
        await self._undecrypted.end_revoked(received)
        for message in filter(self._belongs_to_in, messages):
            (own if message.key.from_me else others).append(message)
        new = await self._journal_own(own)
        if not others:
            return new
        await self._undecrypted.report_readable(others)
        people = await self._people.identify([addresses_of(message) for message in others])
        self.note_written(others)  # first, so that who reads the journal finds the writer known
        records = [self._record(message, person) for message, person in zip(others, people, strict=True)]
        numbers = await self._journal.append(records)
        for message, seq in zip(others, numbers, strict=True):
            if seq is not None:
                _log.info(
                    "%s: Mensaje recibido de %s (seq %d)",
                    *(self._session, message.chat.masked, seq),
                    extra={"session": self._session, "trace": text_of(message.key.id)},
                )
                new += 1
        await self._undecrypted.remove([text_of(message.key.id) for message in others])
        return new

    async def journal_event(self, event: IncomingEvent) -> None:
        """Journal an event unless it is known. Durable on return. An event of no known kind is logged and dropped."""
        chat = str(event.chat) if event.chat else None
        head = {"kind": event.kind, "at": instant(event.at), "chat": chat, **await self._about(event)}
        fields = await self._people.named(dict(event.fields))
        try:
            body = EventBody.model_validate({**head, **fields}).to_json()
        except ValidationError as error:
            _log.warning(
                "%s: an event of kind %s cannot be read: %s", self._session, event.kind, error.errors()[0]["msg"]
            )
            return
        await self._journal.append_event(body, kind=event.kind, once=f"{event.kind}:{event.once}")

    async def _about(self, event: IncomingEvent) -> dict[str, str | None]:
        """Whom an event is about: who did it, else (also where this account did) the other side of the chat."""
        author = event.author if event.author and str(event.author) not in self._own else None
        return await self._people.about(event.chat, author)

    async def watermarks(self) -> tuple[dict[str, int], int]:
        """Where catch-up starts: the newest time of each chat, and the end of history for all other chats.

        A chat with an undecrypted message starts at that message; one that could not be read completely, at the gap.
        While a newly linked device gets its history, every chat starts at the newest message from before the pairing at
        the latest: newer messages may overtake older ones.
        """
        marks = await self._journal.watermarks()
        if max(marks.values(), default=0) < self._paired_at + HISTORY_COMES:
            marks = {chat: min(mark, self._owed_from) for chat, mark in marks.items()}
        return await self.unread.lowered(await self._undecrypted.lowered(marks)), self._history_ends

    async def level_watermarks(self) -> None:
        """Every chat was read completely, or is noted as `unread`: both addresses of a chat stand where it does."""
        await self._journal.level_watermarks()

    async def _note_pairing(self, paired_at: int | None, *, is_new: bool) -> None:
        before = json.loads(await self._memory.get(_PAIRED) or "[0, 0]")
        self._paired_at, self._owed_from = before
        newest = max((await self._journal.watermarks()).values(), default=0)
        self.history_comes = newest < self._paired_at + HISTORY_COMES
        if paired_at is not None:
            if is_new or not self.history_comes:  # else the history of the pairing before is still missing
                self._owed_from = max(0 if is_new else newest - OVERTAKEN, self._baseline or 0)
            self._paired_at, self.history_comes = paired_at, True
            await self._memory.set(_PAIRED, json.dumps([self._paired_at, self._owed_from]))

    def _belongs_to_in(self, message: IncomingMessage) -> bool:
        return message.name not in SYSTEM_TYPES and self._is_owed(message)

    def _is_owed(self, message: IncomingMessage) -> bool:
        if not message.chat.is_conversation:
            return False
        # without a time it cannot be known to be history
        return message.timestamp <= 0 or message.timestamp >= self._history_ends

    @property
    def _history_ends(self) -> int:
        return max(self._baseline or 0, self._journal.remembers_from)

    async def _journal_own(self, messages: Sequence[IncomingMessage]) -> int:
        """Journal own messages in order, in one commit; returns how many were new."""
        people = await self._people.identify([addresses_of(message) for message in messages])
        events: list[tuple[str, str, str, NewMedia | None]] = []
        for message, person in zip(messages, people, strict=True):
            raw_id, command = text_of(message.key.id), None
            if await self._outbox.has_sent(raw_id):
                row = await self._outbox.of_message(raw_id)
                if row is None:  # the command is deleted
                    continue
                command = SentCommand(id=row.claim.id, priority=row.claim.priority, meta=row.claim.meta)
            kind = OWN_MESSAGE if command is None else SENT_MESSAGE
            shown, media = self._body(message, person), None
            if command is None:  # the files of commands are here already
                shown, media = self._with_media(shown)
            event = EventBody(
                kind=kind,
                at=instant(time_of(message)),
                chat=str(message.chat),
                **(person.fields if person else {}),
                message=shown,
                command=command,
            )
            events.append((event.to_json(), kind, f"{kind}:{raw_id}", media))
        appends = [
            self._journal.append_event(body, kind=kind, once=once, media=media) for body, kind, once, media in events
        ]
        return sum(seq is not None for seq in await in_one_commit(*appends))

    async def named(self, data: Any) -> Any:
        """The data of a request with the bridge's id of each person."""
        return await self._people.named(data)

    async def described(self, messages: Sequence[IncomingMessage]) -> list[HistoryMessage]:
        """Messages as the data of a request shows them. Nothing is journalled; new people are stored."""
        people = await self._people.identify([addresses_of(message) for message in messages])
        found = []
        for message, person in zip(messages, people, strict=True):
            body = self._body(message, person)
            ack = ack_name(message.ack) if message.ack else None
            found.append(HistoryMessage(**dict(body), from_me=message.key.from_me, ack=ack))
        return found

    def _body(self, message: IncomingMessage, person: Person | None) -> MessageBody:
        late = 0 < time_of(message) < self._connected_at
        return body_of(message, self._cliente_id, self._own, person, late=late)

    def _with_media(self, body: MessageBody) -> tuple[MessageBody, NewMedia | None]:
        """The body with the state of its file, and the file's entry in the queue."""
        media = body.media
        if media is None or (media.sha256 is None and media.size is None):  # only described, as of an advertisement
            return body, None
        state = self._media.first_state(body.kind, media)
        entry = NewMedia(
            message_id=body.id,
            chat=body.chat,
            state=state,
            sha256=media.sha256 if media.sha256 and _SHA256.fullmatch(media.sha256) else None,
            size=media.size,
            mimetype=media.mimetype,
            filename=media.filename,
        )
        return body.model_copy(update={"media": media.model_copy(update={"state": state})}), entry

    def _record(self, message: IncomingMessage, person: Person | None) -> JournalRecord:
        body, media = self._with_media(self._body(message, person))
        return JournalRecord(
            chat=str(message.chat),
            raw_id=text_of(message.key.id),
            author=str(message.author) if message.author else None,
            timestamp=time_of(message),
            type=text_of(message.type),
            content_hash=hashlib.sha256(text_of(message.body).encode()).hexdigest()[:_HASH_DIGITS],
            body=body.to_json(),
            media=media,
        )


def addresses_of(message: IncomingMessage) -> frozenset[Jid]:
    """The addresses under which a person came: the author's, or in an own message those of the person written to."""
    with_whom = message.chat if is_of_two(message.chat) else None
    if message.key.from_me and with_whom is None:
        return frozenset()  # in a group the driver names this account
    named = ((not message.key.from_me and message.author) or with_whom, message.from_pn, message.from_lid)
    by_server = {one.server: one for one in reversed(named) if one}
    return frozenset(by_server.values())


def is_other_account(known: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether the login belongs to another account than before: by the number, or by the LID if a number is missing.

    Accounts that cannot be compared count as the same, so that messages in between are not lost.
    """
    for name in (_PN, _LID):
        if known[name] and now[name]:
            return known[name] != now[name]
    return False
