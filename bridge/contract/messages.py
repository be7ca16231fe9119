"""Payloads that the bridge publishes: inbound messages, events, acks, results, the QR code, replay ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, create_model

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import MessageKey
from bridge.contract.kinds import RECEIVED, RECEIVED_FIELDS
from bridge.contract.lifecycle import AckName
from bridge.contract.payload import VERSION, Instant, PageText, Payload, is_none
from bridge.contract.waiting import Waiting

if TYPE_CHECKING:
    from bridge.contract.kinds.contacts import ReceivedContact
    from bridge.contract.kinds.location import Place
    from bridge.contract.kinds.media import Media

#: `type` of a message of an erased person: only `seq` stays, without content and author.
ERASED: Final = "erased"


Oversized = Annotated[
    int | None,
    Field(
        default=None,
        exclude_if=is_none,
        description="bytes of the whole, if the broker does not take it in one packet: the content is left out, and"
        " HTTP has the whole (`GET /v1/sessions/{session}/messages`)",
    ),
]


class Quoted(Payload):
    """The message that this one answers."""

    id: PageText | None = Field(default=None, description="the quoted message's id")
    author: PageText | None = Field(default=None, description="who wrote it")
    body: PageText | None = Field(default=None, description="its text or caption")
    kind: str | None = Field(default=None, exclude_if=is_none, description="its kind, where WhatsApp says it")


class AlbumPart(Payload):
    """The album that a picture or film belongs to."""

    id: PageText = Field(description="the album's id, equal for all its parts")


class Referral(Payload):
    """The advertisement from which a person came to the chat."""

    source_url: PageText | None = Field(default=None, description="address of the advertisement")
    source_id: PageText | None = Field(default=None, description="its id")
    headline: PageText | None = Field(default=None, description="its title")
    ctwa_clid: PageText | None = Field(default=None, description="id of the click; WhatsApp Web keeps none so far")


#: Fields of kinds that are null where they have no value, as readers have known them; later ones are left out.
_ALWAYS_WRITTEN = frozenset({"media", "location", "contacts"})


def _kinds_with(field: str) -> str:
    return ", ".join(f"`{kind.kind}`" for kind in RECEIVED if field in kind.fields)


if TYPE_CHECKING:

    class KindFields(Payload):
        """The fields that kinds add to a message, each optional. Typed here for those that the project itself reads."""

        media: Media | None = None
        location: Place | None = None
        contacts: list[ReceivedContact] | None = None

else:
    KindFields = create_model(
        "KindFields",
        __base__=Payload,
        **{
            name: (
                model | None,
                Field(
                    default=None,
                    exclude_if=None if name in _ALWAYS_WRITTEN else is_none,
                    description=f"with kind {_kinds_with(name)}",
                ),
            )
            for name, model in RECEIVED_FIELDS.items()
        },
    )


class TextFields(Payload):
    """Fields that a message of any kind may have."""

    body: PageText = Field(default="", description="text or caption, never a thumbnail")
    quoted: Quoted | None = Field(default=None, description="the message that this one answers")
    mentions: list[PageText] | None = Field(default=None, description="addresses that are mentioned in it")
    forwarded: bool | None = Field(default=None, description="whether it was forwarded")
    forwarding_score: int | None = Field(
        default=None, exclude_if=is_none, description="how often it was forwarded, as WhatsApp counts"
    )
    expires_in: int | None = Field(
        default=None, exclude_if=is_none, description="seconds after which it disappears from the chat"
    )
    album: AlbumPart | None = Field(default=None, exclude_if=is_none, description="the album that it belongs to")
    referral: Referral | None = Field(
        default=None, exclude_if=is_none, description="the advertisement from which the person came"
    )


class MessageContent(KindFields, TextFields):
    """The content of a message, as the driver read it. Fields of the right-hand base come first."""


class MessageHead(Payload):
    """The identity of a message. `timestamp` is unix seconds (legacy)."""

    id: PageText = Field(description="serialized WhatsApp key; the first form seen stays")
    from_: PageText = Field(alias="from", description="chat id, exactly as it arrived: answer to this")
    chat: PageText = Field(description="the same as `from`")
    author: PageText = Field(description="who wrote it: the participant in groups, else the chat")
    from_pn: PageText | None = Field(default=None, description="phone-number address of the author, where known")
    from_lid: PageText | None = Field(default=None, description="LID address of the author, where known")
    person: str | None = Field(
        default=None,
        exclude_if=is_none,
        description="the bridge's id of the author: the same under each of their addresses in this session",
    )
    type: PageText = Field(description="WhatsApp's own name of the kind (legacy)")
    kind: str | None = Field(
        default=None, exclude_if=is_none, description="kind of the message; missing in what earlier versions journalled"
    )
    timestamp: int = Field(description="unix seconds")
    cliente_id: int = Field(description="legacy number of the customer that the session belongs to")
    notify_name: PageText | None = Field(
        default=None, description="name that the author gave itself, else that of the address book"
    )
    late: bool = Field(description="true when it is older than the current connection to WhatsApp, by its own time")


class MessageBody(MessageContent, MessageHead):
    """One WhatsApp message, without its position in a stream."""

    mentions_me: bool | None = Field(
        default=None, exclude_if=is_none, description="true when this account is among the mentions"
    )
    raw: dict[str, Any] | None = Field(
        default=None,
        exclude_if=is_none,
        description="with kind `unknown`: the page's JSON; else `unreadable` says what was too large to publish",
    )


class HistoryMessage(MessageBody):
    """A message in the data of a request."""

    from_me: bool = Field(description="whether this account wrote it")
    ack: AckName | None = Field(default=None, description="how far an own message is; null before the server has it")


class Inbound(MessageBody):
    """`<prefix>/<session>/in`: a received message."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    epoch: str = Field(description="UUID of the session's store; a new one begins new streams")
    seq: int = Field(description="position in the stream, gapless from 1")
    oversized: Oversized = None


class Stream(StrEnum):
    """The two gapless streams of a session."""

    IN = "in"
    EVENT = "event"

    @property
    def counter(self) -> str:
        """Name of the field that counts this stream."""
        return "seq" if self is Stream.IN else "event_seq"


def in_stream(stream: Stream, session: str, epoch: str, seq: int, body: str) -> str:
    """Add its position to a stored body: the JSON of `Inbound` or `Event`.

    `body` is `MessageBody.to_json()` or `EventBody.to_json()`. Joined as text, so that a replay of thousands need not
    parse each.
    """
    position = {"v": VERSION, "session": session, "epoch": epoch, stream.counter: seq}
    head = json.dumps(position, separators=(",", ":"))
    return f"{head[:-1]},{body[1:]}"


def without_content(stream: Stream, item: str) -> str:
    """The JSON of an `Inbound` or `Event` without its content, marked `oversized` with the bytes of the whole."""
    fields = json.loads(item)
    position = {name: fields[name] for name in ("v", "session", "epoch", stream.counter)}
    if stream is Stream.IN:
        short = _head_of(fields)
    else:
        short = {name: fields.get(name) for name in ("kind", "at", "chat")}
        if isinstance(fields.get("message"), dict):
            short["message"] = _head_of(fields["message"])
    return json.dumps({**position, **short, "oversized": len(item.encode())}, ensure_ascii=False)


def _head_of(message: Mapping[str, Any]) -> dict[str, Any]:
    names = (field.alias or name for name, field in MessageHead.model_fields.items())
    return {**{name: message[name] for name in names if name in message}, "notify_name": None, "body": ""}


def trace_of(item: Mapping[str, Any]) -> str | None:
    """The id of a stored `MessageBody` or `EventBody` in log lines: the one in WhatsApp's key."""
    message = item.get("message") or item
    try:
        return MessageKey.parse(str(message.get("id"))).id
    except InvalidRequest:
        return None


class ResultStatus(StrEnum):
    ACCEPTED = "accepted"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ErrorInfo(Payload):
    """Why a command failed: code and `transient` from the error table, a sentence for a person.

    `detail_code` says more precisely what is invalid, where there is a code for it (`bridge.contract.details`).
    """

    code: str = Field(description="stable, for programs")
    text: str = Field(description="one sentence for a person")
    transient: bool = Field(description="whether the same command may succeed later")
    detail_code: str | None = Field(
        default=None, exclude_if=is_none, description="more precisely what is invalid, where there is a code for it"
    )


class Result(Payload):
    """`<prefix>/<session>/result`. `topic` and `sha256` name an input that could not be parsed."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    id: str = Field(description="the command's id, or one made by the bridge")
    status: ResultStatus = Field(
        description="`accepted` is durable and not final, and may come again with a new `waits`; `unknown`: it may have"
        " been sent and is not repeated"
    )
    to: str | None = Field(default=None, description="the recipient in its normal form")
    chat: str | None = Field(default=None, description="the chat that it was sent to")
    message_id: str | None = Field(default=None, description="WhatsApp's id of the sent message")
    error: ErrorInfo | None = Field(default=None, description="with status `failed`: why")
    waits: Waiting | None = Field(
        default=None, exclude_if=is_none, description="with status `accepted`: what it waited for at that moment"
    )
    at: Instant = Field(description="time of the change")
    transaction: str | None = Field(default=None, exclude_if=is_none, description="as the command gave it")
    meta: Any = Field(default=None, exclude_if=is_none, description="as the command gave it")
    topic: str | None = Field(default=None, exclude_if=is_none, description="topic of an input that could not be read")
    sha256: str | None = Field(
        default=None, exclude_if=is_none, description="SHA-256 of an input that could not be read"
    )
    oversized: Oversized = None

    @property
    def is_final(self) -> bool:
        """Whether the bridge has done all it will do (`unknown` may still be upgraded by an ack)."""
        return self.status is not ResultStatus.ACCEPTED


class Ack(Payload):
    """`<prefix>/<session>/ack`: a tick of a sent message."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    id: str = Field(description="the command's id")
    message_id: str = Field(description="WhatsApp's id of the sent message")
    ack: AckName = Field(
        description="how far the message is; in a group, the first member to receive or read it counts"
    )
    at: Instant = Field(description="time of the change")


class Qr(Payload):
    """`<prefix>/<session>/qr`, retained. `expires_at` is when the page replaces the code, as far as it is known.

    `link_code` (eight characters to type on the phone) is set once `init` gave a number. While it lives, the page's QR
    code is invalid and `code` is the link code, too.
    """

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    code: str = Field(description="the text to draw as a QR code")
    expires_at: Instant = Field(description="when the page replaces it, to a few seconds")
    link_code: str | None = Field(default=None, description="pairing code to type on the phone instead")

    @property
    def scannable(self) -> str | None:
        """The text to draw as a QR code; None while there is a code to type instead."""
        return self.code if self.link_code is None else None


class ReplayEnd(Payload):
    """Ends each page of a replay. `next` is the cursor of the next request; `gap` = items before it are gone."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    done: Literal[True] = Field(default=True, description="marks the end of a page")
    request: str = Field(description="the request's own id")
    stream: Stream = Field(description="the replayed stream")
    epoch: str = Field(description="UUID of the session's store; a new one begins new streams")
    first_seq: int | None = Field(description="oldest item that is kept; null when the stream is empty")
    last_seq: int = Field(description="newest item of the stream")
    next: int | None = Field(description="seq to continue after, or null when this page reached the newest item")
    gap: bool = Field(description="items between the cursor and the first one sent are no longer kept")
    error: ErrorInfo | None = Field(default=None, exclude_if=is_none, description="why the request was refused")
