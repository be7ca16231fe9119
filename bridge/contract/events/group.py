"""Changes of groups."""

from __future__ import annotations

from pydantic import Field

from bridge.contract.events.event_kind import EventKind
from bridge.contract.payload import PageText, Payload

GROUP = "group"


class EventPerson(Payload):
    """A person whom an event names."""

    person: str | None = Field(default=None, description="the bridge's id of the person, as on `in`")
    from_pn: str | None = Field(default=None, description="phone-number address, where known")
    from_lid: str | None = Field(default=None, description="LID address, where known")


EVENT = EventKind(
    kind=GROUP,
    summary="A group changed; `by` did it. `action` is `create`, `add`, `join` (by the link), `leave`, `remove`,"
    " `promote`, `demote`, `request` (`people` ask to join), `subject`, `description`, `picture`, `announce`,"
    " `restrict`, `approval`, `ephemeral` (`ephemeral` in seconds), `invite` (a new link), or WhatsApp's own name of"
    " another change. `on` says whether a setting is on now.",
    fields={
        "action": PageText,
        "group": PageText,
        "by": PageText,
        "people": list[EventPerson],
        "subject": PageText,
        "description": PageText,
        "on": bool,
        "ephemeral": int,
    },
)
