"""The end of blocking."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.requests.contacts_get import ContactRequest


class Unblock(ContactRequest):
    """What the person wrote meanwhile does not come afterwards."""

    summary: ClassVar = "Unblock a person."
    example: ClassVar = {"contact": "5491155500001"}
    changes: ClassVar = True

    action: Literal["contacts.unblock"] = "contacts.unblock"
