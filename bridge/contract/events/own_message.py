"""Messages of the account itself."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.messages import MessageBody

OWN_MESSAGE = "own_message"
EVENT = EventKind(
    kind=OWN_MESSAGE,
    summary="The account sent a message by other means than this bridge, for example on the phone.",
    fields={"message": MessageBody},
)
