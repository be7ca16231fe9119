"""Presence: whether a person is online, or writes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.contract.requests.contacts_get import ContactRequest

#: Seconds that one request lasts at most.
MAX_SUBSCRIPTION = 3600


class Subscribe(ContactRequest):
    """What happens comes as events `presence`. A second request for the person replaces the first.

    WhatsApp shows it only to an account that is online itself, so the account is shown as online meanwhile. It is
    renewed after each connection, and ends with the bridge. A person may hide it from the account: then no event comes.
    """

    summary: ClassVar = "Follow, for `seconds`, whether a person is online or writes; 0 ends it."
    example: ClassVar = {"contact": "5491155500001", "seconds": 300}
    reads: ClassVar = True

    action: Literal["contacts.subscribe"] = "contacts.subscribe"
    seconds: Annotated[float, Field(ge=0, le=MAX_SUBSCRIPTION, description="how long; 0 ends it")] = 300
