"""Incoming messages in one form: from the `in` stream, the `event` stream, or a legacy webhook. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.client import Cursor, EventMessage, Message
from bridge.contract.errors import CodedError
from bridge.contract.events import OWN_MESSAGE
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import BY_NAME
from bridge.contract.messages import ERASED, MessageBody, Stream
from responder.policy import Facts

#: Limits of the columns.
LONGEST_NAME, LONGEST_ADDRESS, LONGEST_ID, LARGEST_CLIENT = 128, 96, 255, 2**31 - 1
#: Unix seconds of the year 2242; later timestamps are invalid.
LATEST = 2**33


@dataclass(frozen=True, slots=True)
class StreamPosition:
    session: str
    stream: Stream
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """`person` identifies the other side of the chat as the legacy table does: by number, else by address."""

    session: str
    message_id: str
    chat: str
    person: str
    cliente_id: int
    name: str | None
    from_me: bool
    facts: Facts
    position: StreamPosition | None = None

    @property
    def text(self) -> str:
        """What is recorded: the text, or `[kind]` for a message without one."""
        kind = BY_NAME.get(self.facts.kind)
        return self.facts.body if self.facts.body.strip() or (kind and kind.is_text) else f"[{self.facts.kind}]"


def of_message(message: Message) -> ReceivedMessage | StreamPosition:
    """From the `in` stream: a message, or only the position of one that was erased."""
    position = StreamPosition(message.session, Stream.IN, message.cursor)
    return position if message.type == ERASED else _received(message, message.session, position, from_me=False)


def of_event(event: EventMessage) -> ReceivedMessage | StreamPosition:
    """From the `event` stream: a message that a person wrote on the phone, or only the position of another event."""
    position = StreamPosition(event.session, Stream.EVENT, event.cursor)
    if event.kind != OWN_MESSAGE or event.message is None:
        return position
    return _received(event.message, event.session, position, from_me=True)


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
    return _received(body, session, None, from_me=_is_own(body.id))


def _received(message: MessageBody, session: str, position: StreamPosition | None, *, from_me: bool) -> ReceivedMessage:
    try:
        chat = Jid.parse(message.chat)
    except CodedError:
        chat = None
    names = (message.author, message.from_pn, message.from_lid, *(() if chat and chat.is_group else (message.chat,)))
    facts = Facts(
        body=message.body,
        kind=message.kind or message.type,
        timestamp=message.timestamp,
        people=frozenset(name for name in map(_normal, filter(None, names)) if name),
        is_conversation=chat is not None and chat.is_conversation,
        is_group=chat is not None and chat.is_group,
        mentions=frozenset(name for name in map(_normal, message.mentions or ()) if name),
        mentions_account=message.mentions_me is True,
    )
    return ReceivedMessage(
        session=session,
        message_id=message.id[:LONGEST_ID],
        chat=message.chat[:LONGEST_ADDRESS],
        person=_person(message, chat),
        cliente_id=message.cliente_id,
        name=None if from_me else (message.notify_name or "")[:LONGEST_NAME] or None,
        from_me=from_me,
        facts=facts,
        position=position,
    )


def _normal(address: str) -> str | None:
    try:
        return str(Jid.parse(address))
    except CodedError:
        return None


def _person(message: MessageBody, chat: Jid | None) -> str:
    """The digits of the number where it is known, as the legacy installation wrote them: its history continues."""
    if chat is not None and chat.is_user:
        return chat.user
    if chat is not None and chat.is_lid and message.from_pn and (number := _normal(message.from_pn)):
        return Jid.parse(number).user
    return message.chat[:64]


def _is_own(message_id: str) -> bool:
    """Whether a serialized key is that of a message from the account itself."""
    try:
        return MessageKey.parse(message_id).from_me
    except CodedError:
        return False
