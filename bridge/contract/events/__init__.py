"""Kinds of event: one file per kind, and the only list of them in Python.

To add a kind: `contract/events/<kind>.py` with its `EVENT`, `drivers/web/page/events/<kind>.js` if the page
announces it, its golden file, and its name below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, create_model

from bridge.contract.events import (
    alias,
    call,
    chat,
    decrypted,
    edit,
    erased,
    group,
    limits,
    media,
    own_message,
    poll_vote,
    presence,
    reaction,
    revoke,
    sent_message,
    undecrypted,
)
from bridge.contract.events.alias import ALIAS
from bridge.contract.events.call import CALL
from bridge.contract.events.decrypted import DECRYPTED
from bridge.contract.events.edit import EDIT
from bridge.contract.events.erased import ERASED_EVENT
from bridge.contract.events.event_kind import EventKind
from bridge.contract.events.group import GROUP, EventPerson
from bridge.contract.events.limits import LIMITS
from bridge.contract.events.media import MEDIA
from bridge.contract.events.own_message import OWN_MESSAGE
from bridge.contract.events.poll_vote import POLL_VOTE
from bridge.contract.events.reaction import REACTION
from bridge.contract.events.revoke import REVOKE
from bridge.contract.events.sent_message import SENT_MESSAGE, SentCommand
from bridge.contract.events.undecrypted import UNDECRYPTED, GivenUp
from bridge.contract.kinds.media import MediaState
from bridge.contract.limits import AccountLimits
from bridge.contract.messages import MessageBody, Oversized
from bridge.contract.payload import VERSION, Instant, PageText, Payload, is_none

EVENTS: tuple[EventKind, ...] = (
    own_message.EVENT,
    sent_message.EVENT,
    reaction.EVENT,
    edit.EVENT,
    revoke.EVENT,
    poll_vote.EVENT,
    call.EVENT,
    chat.EVENT,
    presence.EVENT,
    group.EVENT,
    alias.EVENT,
    undecrypted.EVENT,
    decrypted.EVENT,
    media.EVENT,
    limits.EVENT,
    erased.EVENT,
)
EVENT_KINDS = frozenset(event.kind for event in EVENTS)
_FIELDS: dict[str, Any] = {name: model for event in EVENTS for name, model in event.fields.items()}


def _kinds_with(field: str) -> str:
    return ", ".join(f"`{event.kind}`" for event in EVENTS if field in event.fields)


class EventHead(Payload):
    """Fields of every event. Readers accept kinds of later versions, too."""

    kind: str = Field(description="kind of the event")
    at: Instant = Field(description="when it happened")
    chat: str | None = Field(default=None, description="the chat that it belongs to")
    person: str | None = Field(
        default=None,
        exclude_if=is_none,
        description="the bridge's id of the person whom it is about: the author in a group, else the other side",
    )
    from_pn: PageText | None = Field(
        default=None, exclude_if=is_none, description="phone-number address of that person, where known"
    )
    from_lid: PageText | None = Field(
        default=None, exclude_if=is_none, description="LID address of that person, where known"
    )


if TYPE_CHECKING:

    class EventFields(Payload):
        """The fields that kinds add to an event, each optional. Typed here for those that the project itself reads."""

        message: MessageBody | None = None
        message_id: str | None = None
        given_up: GivenUp | None = None
        command: SentCommand | None = None
        merged: str | None = None
        state: MediaState | None = None
        url: str | None = None
        sha256: str | None = None
        size: int | None = None
        mimetype: str | None = None
        filename: str | None = None
        data: str | None = None
        limits: AccountLimits | None = None
        emoji: str | None = None
        author: str | None = None
        body: str | None = None
        by: str | None = None
        selected: list[str] | None = None
        call_id: str | None = None
        action: str | None = None
        video: bool | None = None
        presence: str | None = None
        people: list[EventPerson] | None = None
        subject: str | None = None

else:
    EventFields = create_model(
        "EventFields",
        __base__=Payload,
        **{
            name: (
                model | None,
                # `message` was there before other fields, and is null in events without one
                Field(
                    default=None,
                    exclude_if=None if name == "message" else is_none,
                    description=f"with kind {_kinds_with(name)}",
                ),
            )
            for name, model in _FIELDS.items()
        },
    )


class EventBody(EventFields, EventHead):
    """An event about messages, without its position in the stream."""


class Event(EventBody):
    """`<prefix>/<session>/event`: what happens beside inbound messages."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    epoch: str = Field(description="UUID of the session's store; a new one begins new streams")
    event_seq: int = Field(description="position in the stream, gapless from 1")
    oversized: Oversized = None


__all__ = [
    "ALIAS",
    "CALL",
    "DECRYPTED",
    "EDIT",
    "ERASED_EVENT",
    "EVENTS",
    "EVENT_KINDS",
    "GROUP",
    "LIMITS",
    "MEDIA",
    "OWN_MESSAGE",
    "POLL_VOTE",
    "REACTION",
    "REVOKE",
    "SENT_MESSAGE",
    "UNDECRYPTED",
    "Event",
    "EventBody",
    "EventKind",
    "EventPerson",
    "GivenUp",
    "SentCommand",
]
