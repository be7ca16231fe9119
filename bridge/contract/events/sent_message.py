"""Messages that this bridge sends for a command."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bridge.contract.commands import Priority
from bridge.contract.events.event_kind import EventKind
from bridge.contract.messages import MessageBody
from bridge.contract.payload import Payload, is_none

SENT_MESSAGE = "sent_message"


class SentCommand(Payload):
    """The command of a message that this bridge sends."""

    id: str = Field(description="the command's id")
    priority: Priority = Field(description="its priority")
    meta: Any = Field(default=None, exclude_if=is_none, description="as the command gave it")

    @property
    def is_by_hand(self) -> bool:
        """Whether a person wrote the message: by `priority` `human`, or by `origin` `human` in `meta`."""
        return self.priority is Priority.HUMAN or (isinstance(self.meta, dict) and self.meta.get("origin") == "human")


EVENT = EventKind(
    kind=SENT_MESSAGE,
    summary="WhatsApp Web shows a message that this bridge sends for a command. Its outcome is on `result`.",
    fields={"message": MessageBody, "command": SentCommand},
)
