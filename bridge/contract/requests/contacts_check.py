"""Whether numbers are on WhatsApp."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from bridge.contract.payload import CleanText, Payload, is_none
from bridge.contract.requests.request import Request

MAX_CONTACTS = 1000


class CheckedContact(Payload):
    """What is known about one number."""

    to: str = Field(description="the normal form of the number; as it was given where it has none")
    exists: bool | None = Field(description="whether it is on WhatsApp; null = not known, `code` says why")
    chat: str | None = Field(default=None, description="address of its chat, where it is on WhatsApp")
    code: str | None = Field(
        default=None, exclude_if=is_none, description="why it is not known: a code of the table of errors"
    )


class CheckedContacts(Payload):
    """One entry for each that was asked, in their order."""

    contacts: list[CheckedContact] = Field(description="the contacts")


class CheckContacts(Request):
    """An error is never "not on WhatsApp": such a number has `exists` null and a code, and may be asked again.

    The bridge asks at a pace (`WA_PACE_CHECKS`), so that a long list takes minutes: meanwhile the response has the
    status `running` and says how many are done. An answer is kept for 24 hours, "not on WhatsApp" for one: the same
    list again, also after a restart, asks only for what is missing. A number that has a chat is not asked for.
    """

    example: ClassVar = {"contacts": ["5491155500001", "+54 9 11 5550-0002"]}
    summary: ClassVar = "Check which numbers are on WhatsApp, without writing to them."
    data: ClassVar = CheckedContacts
    long: ClassVar = True

    action: Literal["contacts.check"] = "contacts.check"
    contacts: Annotated[
        list[Annotated[CleanText, StringConstraints(min_length=1, max_length=128)]],
        Field(min_length=1, max_length=MAX_CONTACTS, description="numbers in any spelling"),
    ]
