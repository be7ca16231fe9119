"""Blocking."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.requests.contacts_get import ContactRequest


class Block(ContactRequest):
    """The person can write and call in vain from then on, and does not see it. A command to it is `refused`."""

    summary: ClassVar = "Block a person."
    example: ClassVar = {"contact": "5491155500001"}
    changes: ClassVar = True

    action: Literal["contacts.block"] = "contacts.block"
