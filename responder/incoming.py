"""Incoming messages in one form: from the `in` stream, the `event` stream, or a legacy webhook. Pure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from bridge.client import Cursor, EventMessage, Message
from bridge.contract.errors import CodedError
from bridge.contract.events import ALIAS, EDIT, MEDIA, OWN_MESSAGE, REACTION, REVOKE, SENT_MESSAGE
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import BY_NAME
from bridge.contract.kinds.media import MediaState
from bridge.contract.messages import ERASED, MessageBody, Stream
from responder.policy import Facts
from responder.turns import is_turn

#: Limits of the columns.
LONGEST_NAME, LONGEST_ADDRESS, LONGEST_ID, LARGEST_CLIENT = 128, 96, 255, 2**31 - 1
LONGEST_TITLE, LONGEST_KIND = 200, 32
#: Bytes of a message's other fields in statements, at most.
STATEMENT_OVERHEAD = 2_000
#: Characters that are recorded of a text that a database does not take.
SHORT = 1_000
#: Beginnings of the types of files that the responder may read.
READ_FILES = ("audio/", "image/")
#: Unix seconds of the year 2242; later timestamps are invalid.
LATEST = 2**33


class SentBy(StrEnum):
    """The author of a message of the account itself."""

    PHONE = "phone"  # a linked device: a person, or WhatsApp Business by itself
    PERSON = "person"  # through the bridge, by hand
    PROGRAM = "program"  # through the bridge


@dataclass(frozen=True, slots=True)
class StreamPosition:
    session: str
    stream: Stream
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class PersonLink:
    """Names of one person, who may have been two until now."""

    position: StreamPosition
    names: frozenset[str]
    people: frozenset[str] = frozenset()

    @property
    def session(self) -> str:
        return self.position.session


@dataclass(frozen=True, slots=True)
class MessageMark:
    """An edit, a revocation, a reaction, or the end of a download; `body` is the newest text, empty after a revocation,
    the emoji, or the link to the file, else its state.

    `forms` are the message's id under every known address of its chat. `at` is unix seconds.
    """

    position: StreamPosition
    message_id: str
    forms: frozenset[str]
    kind: str
    body: str
    at: float
    author: str = ""

    @property
    def session(self) -> str:
        return self.position.session


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """`person` identifies the other side of the chat as the legacy table does: by number, else by address.

    `names` are all that is known of that side: number and LID in the form in which they are compared, and the bridge's
    id of the person; of a group its address.
    `sent_by` is None for what that side wrote.
    """

    session: str
    message_id: str
    chat: str
    person: str
    cliente_id: int
    name: str | None
    sent_by: SentBy | None
    facts: Facts
    names: frozenset[str]
    position: StreamPosition | None = None
    file: str | None = None
    """The link to its file, or the state of one that is not here; None while that is not known."""

    @property
    def size(self) -> int:
        """Bytes that its text may need within a statement, in which characters are escaped."""
        return 2 * len(self.facts.body.encode("utf-8", "replace")) + STATEMENT_OVERHEAD

    def shortened(self) -> ReceivedMessage:
        """The same message with the beginning of its text."""
        return replace(self, facts=replace(self.facts, body=self.facts.body[:SHORT] + "…"))

    @property
    def from_me(self) -> bool:
        """Whether the account itself sent it."""
        return self.sent_by is not None

    @property
    def people(self) -> frozenset[str]:
        """The addresses of the author."""
        return self.facts.people

    @property
    def text(self) -> str:
        """What is recorded: the text, or `[kind]`, with the name of its file or place, for a message without one."""
        kind = BY_NAME.get(self.facts.kind)
        if self.facts.body.strip() or (kind and kind.is_text):
            return self.facts.body
        return f"[{self.facts.kind}] {self.facts.title}".rstrip()


def is_only_kind(recorded: str, kind: str | None) -> bool:
    """Whether a recorded text is that of a message without one."""
    return kind is not None and recorded.startswith(f"[{kind}]")


def of_message(message: Message) -> ReceivedMessage | StreamPosition:
    """From the `in` stream: a message, or only the position of one that was erased."""
    position = StreamPosition(message.session, Stream.IN, message.cursor)
    return position if message.type == ERASED else _received(message, message.session, position, None)


def of_event(event: EventMessage) -> ReceivedMessage | PersonLink | MessageMark | StreamPosition:
    """From the `event` stream: a message of the account, a link of two addresses, or only the position of another."""
    position = StreamPosition(event.session, Stream.EVENT, event.cursor)
    if event.kind == ALIAS:
        people = (_person_name(event.person), _person_name(event.merged))
        return PersonLink(position, _names(event.from_pn, event.from_lid) | frozenset(filter(None, people)))
    if event.kind in (EDIT, REVOKE, REACTION) and event.message_id:
        return _mark(event, event.message_id, position)
    if event.kind == MEDIA and event.message_id and (event.mimetype or "").startswith(READ_FILES):
        return _mark(event, event.message_id, position)
    if event.message is None:
        return position
    if event.kind == OWN_MESSAGE:
        return _received(event.message, event.session, position, SentBy.PHONE)
    if event.kind == SENT_MESSAGE and event.command is not None and not is_turn(event.command.id):
        by = SentBy.PERSON if event.command.is_by_hand else SentBy.PROGRAM
        return _received(event.message, event.session, position, by)
    return position


def file_mark(message: ReceivedMessage) -> MessageMark | None:
    """Where the file of a voice message or a picture is, if the message itself says so: one that is read late."""
    is_read = message.facts.speech is not None or message.facts.is_picture
    if message.file is None or message.position is None or not is_read:
        return None
    forms = frozenset({message.message_id})
    return MessageMark(message.position, message.message_id, forms, MEDIA, message.file, message.facts.timestamp)


def _mark(event: EventMessage, message_id: str, position: StreamPosition) -> MessageMark:
    forms = {message_id[:LONGEST_ID]}
    with suppress(CodedError):
        key = MessageKey.parse(message_id)
        addresses = () if key.remote.is_group else filter(None, map(_jid, (event.from_pn, event.from_lid)))
        forms |= {str(key.under(address))[:LONGEST_ID] for address in addresses}
    bodies = {REACTION: event.emoji, MEDIA: _file(event.state, event.url)}
    return MessageMark(
        position,
        message_id[:LONGEST_ID],
        frozenset(forms),
        event.kind,
        bodies.get(event.kind, event.body) or "",
        event.at.timestamp(),
        (event.author or "")[:LONGEST_ADDRESS] if event.kind == REACTION else "",
    )


def of_webhook(session: str, fields: dict[str, object], cliente_id: int) -> ReceivedMessage:
    """From a legacy sender's webhook; `cliente_id` applies if the message names none.

    Raises KeyError, TypeError, ValueError if the fields are not a message.
    """
    given = fields.get("cliente_id")
    client = int(str(given)) if given else cliente_id
    body = MessageBody.model_validate(
        {
            "id": str(fields.get("id") or f"webhook-{fields['from']}-{fields.get('timestamp')}"),
            "chat": fields["from"],
            "author": fields.get("author") or fields["from"],
            "late": False,
            **{name: value for name, value in fields.items() if name not in ("id", "chat", "author", "late", "v")},
            "cliente_id": client,
        }
    )
    if not 0 <= client <= LARGEST_CLIENT or not 0 <= body.timestamp <= LATEST:
        raise ValueError("client or timestamp out of range")
    return _received(body, session, None, SentBy.PHONE if _is_own(body.id) else None)


def _received(
    message: MessageBody, session: str, position: StreamPosition | None, sent_by: SentBy | None
) -> ReceivedMessage:
    try:
        chat = Jid.parse(message.chat)
    except CodedError:
        chat = None
    is_group = chat is not None and chat.is_group
    of_chat = () if is_group else (message.chat,)
    if is_group:
        names = frozenset({message.chat[:LONGEST_ADDRESS]})
    else:
        names = _names(*of_chat, message.from_pn, message.from_lid) | frozenset(
            filter(None, (message.chat[:LONGEST_ADDRESS] if chat is None else None, _person_name(message.person)))
        )
    facts = Facts(
        body=message.body,
        kind=message.kind or message.type,
        timestamp=message.timestamp,
        people=_names(message.author, message.from_pn, message.from_lid, *of_chat),
        is_conversation=chat is not None and chat.is_conversation,
        is_group=is_group,
        mentions=_names(*(message.mentions or ())),
        mentions_account=message.mentions_me is True,
        title=_title(message),
        speech=_speech(message),
        is_picture=_is_file(message, "image"),
    )
    return ReceivedMessage(
        session=session,
        message_id=message.id[:LONGEST_ID],
        chat=message.chat[:LONGEST_ADDRESS],
        person=_person(message, chat),
        cliente_id=message.cliente_id,
        name=None if sent_by else (message.notify_name or "")[:LONGEST_NAME] or None,
        sent_by=sent_by,
        facts=facts,
        names=names,
        position=position,
        file=_file(message.media.state, message.media.url) if message.media else None,
    )


def _title(message: MessageBody) -> str:
    """The name of its file, or its place: the name and the degrees."""
    title = ""
    if message.media is not None:
        title = message.media.filename or ""
    elif (place := message.location) is not None:
        degrees = f"{place.latitude:.5f}, {place.longitude:.5f}"
        title = f"{place.name[: LONGEST_TITLE - len(degrees) - 3]} ({degrees})" if place.name else degrees
    return " ".join(title.split())[:LONGEST_TITLE]


def _is_file(message: MessageBody, wanted: str) -> bool:
    """Whether it has a file of a kind, which may be seen more than once."""
    kind, media = BY_NAME.get(message.kind or message.type), message.media
    return kind is not None and kind.kind == wanted and bool(media and media.state is not None and not media.view_once)


def _speech(message: MessageBody) -> float | None:
    return (message.media.seconds or 0.0) if message.media and _is_file(message, "voice") else None


def _file(state: MediaState | None, url: str | None) -> str | None:
    return None if state is MediaState.PENDING else url or state


def _jid(address: str | None) -> Jid | None:
    try:
        return Jid.parse(address) if address else None
    except CodedError:
        return None


def _names(*addresses: str | None) -> frozenset[str]:
    """The addresses in the form in which they are compared, without what is none."""
    return frozenset(str(jid.canonical) for jid in map(_jid, addresses) if jid is not None)


def _person_name(person: str | None) -> str | None:
    return f"person:{person[:64]}" if person else None


def _person(message: MessageBody, chat: Jid | None) -> str:
    """The digits of the number where it is known, as the legacy installation wrote them: its history continues."""
    if chat is not None and chat.is_user:
        return chat.user
    if chat is not None and chat.is_lid and (number := _jid(message.from_pn)) is not None:
        return number.user
    return message.chat[:64]


def _is_own(message_id: str) -> bool:
    """Whether a serialized key is that of a message from the account itself."""
    try:
        return MessageKey.parse(message_id).from_me
    except CodedError:
        return False
