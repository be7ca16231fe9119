"""Forwarded messages: a copy goes to another chat, marked as forwarded."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field
from typing_extensions import override

from bridge.contract.kinds.content import Content
from bridge.contract.modifiers import MessageId
from bridge.contract.payload import StrictPayload


class Forward(StrictPayload, Content):
    """`{"to": …, "forward": {"message_id": "false_…"}}`."""

    kind: ClassVar = "forward"
    field: ClassVar = "forward"
    noun: ClassVar = "a copy of a message, marked as forwarded"
    metavar: ClassVar = "ID"
    option_help: ClassVar = "Forward a message instead of a text: its whole id."
    modifiers: ClassVar = frozenset({"typing"})

    message_id: Annotated[MessageId, Field(pattern="_", description="the whole id of the message, as published")]

    @property
    @override
    def summary(self) -> str:
        return "[forwarded message]"

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        return {"message_id": text}


SENT = Forward
