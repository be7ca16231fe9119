"""The base of the content that acts on an existing message: reactions, edits, revocations. Pure.

Such a command has no message of its own, and carrying it out twice is what carrying it out once is.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from bridge.contract.jid import Jid, MessageKey, parse_recipient
from bridge.contract.kinds.content import Content
from bridge.contract.modifiers import MessageId
from bridge.contract.payload import CleanText, StrictPayload


class Act(StrictPayload, Content):
    """Names the message by its id, or by the id of the command that sent it."""

    modifiers: ClassVar = frozenset()

    message_id: MessageId | None = Field(
        default=None, description="the message: its id as published, or, with `to`, WhatsApp's part of it"
    )
    command_id: Annotated[CleanText, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="instead: the id of the command that sent it"
    )

    @model_validator(mode="after")
    def _names_one_message(self) -> Self:
        if (self.message_id is None) is (self.command_id is None):
            raise ValueError("names its message by message_id or by command_id")
        _ = self.chat
        return self

    @property
    def chat(self) -> Jid | None:
        """The chat that a whole message id names. Raises `InvalidRequest` for one that takes no messages."""
        if self.message_id is None or "_" not in self.message_id:
            return None
        return parse_recipient(str(MessageKey.parse(self.message_id).remote))

    def on(self, message_id: str) -> Self:
        """The same on the message of this id."""
        return self.model_copy(update={"message_id": message_id, "command_id": None})


def names_chat(value: Any) -> bool:
    """Whether the value of an act's field, unchecked, names its chat, so that `to` may be left out."""
    return isinstance(value, dict) and (value.get("command_id") is not None or "_" in str(value.get("message_id")))


def target_from_option(text: str) -> dict[str, Any]:
    """The message of a command-line option: a message id, or `@` and the id of a command."""
    return {"command_id": text[1:]} if text.startswith("@") else {"message_id": text}
