"""What a command may say about its message beside the content. Pure."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from bridge.contract.jid import MessageKey, no_message_id, parse_recipient
from bridge.contract.payload import CleanText, StrictPayload

#: Mentions everybody in a group.
ALL = "all"
MAX_MENTIONS = 1024
MAX_TYPING = 25
_SHORTEST = 8
#: What happens before the message is sent; the message is the same.
_NO_IDENTITY = {"typing"}


def _address(spelling: str) -> str:
    """One spelling, so that a repeated command is the same command."""
    if spelling == ALL:
        return ALL
    if (person := parse_recipient(spelling)).is_group:
        raise ValueError("mentions people, or all, not a group")
    return str(person)


def _key(message_id: str) -> str:
    return str(MessageKey.parse(message_id)) if "_" in message_id else message_id


def _long_enough(message_id: Any) -> Any:
    if isinstance(message_id, str) and len(message_id) < _SHORTEST:
        raise ValueError(no_message_id(message_id))
    return message_id


#: A message's id as published, or WhatsApp's part of it.
MessageId = Annotated[
    CleanText, Field(min_length=_SHORTEST, max_length=256), BeforeValidator(_long_enough), AfterValidator(_key)
]


class Modifiers(StrictPayload):
    """How a message is sent."""

    reply_to: MessageId | None = Field(
        default=None, description="id of the message that it answers: as published, or WhatsApp's part of it"
    )
    mentions: (
        Annotated[list[Annotated[CleanText, AfterValidator(_address)]], Field(min_length=1, max_length=MAX_MENTIONS)]
        | None
    ) = Field(default=None, description='people to mention in a group, in any spelling, or `["all"]`')
    link_preview: bool = Field(
        default=False, description="show a preview of a text's link; the phone fetches it from that site"
    )
    typing: Annotated[float, Field(gt=0, le=MAX_TYPING)] | None = Field(
        default=None, description='seconds to show "typing…" before it is sent'
    )

    @property
    def mentions_all(self) -> bool:
        """Whether everybody in the group is mentioned."""
        return ALL in (self.mentions or ())

    @property
    def addresses(self) -> list[str]:
        """Addresses of the people who are mentioned by name."""
        return [address for address in self.mentions or () if address != ALL]

    def given(self) -> dict[str, Any]:
        """Those that are set, as JSON."""
        return {} if self is NO_MODIFIERS else self.model_dump(mode="json", exclude_defaults=True)

    @property
    def identity(self) -> list[Any]:
        """Identifies equal modifiers: commands of one id are compared by it. Empty where none is set."""
        found = {name: value for name, value in self.given().items() if name not in _NO_IDENTITY}
        return [found] if found else []


NO_MODIFIERS = Modifiers.model_construct()
