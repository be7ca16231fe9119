"""One person."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bridge.contract.payload import CleanText, PageText
from bridge.contract.requests.contacts_list import ContactEntry
from bridge.contract.requests.request import Request


class ContactRequest(Request):
    """A request about one person."""

    recipients: ClassVar = ("contact",)

    contact: CleanText = Field(description="number in any spelling, or a person's address")


class ContactAnswer(ContactEntry):
    """What WhatsApp shows of a person."""

    person: str | None = Field(default=None, description="the bridge's id of the person, as on `in`")
    from_pn: str | None = Field(default=None, description="address with the phone number, if it is known")
    from_lid: str | None = Field(default=None, description="address that hides the phone number, if it is known")
    me: bool = Field(description="whether it is this account itself")
    chat: str | None = Field(default=None, description="address of the chat with the person, if there is one")
    verified_name: PageText | None = Field(default=None, description="name of a business that WhatsApp has checked")
    about: PageText | None = Field(
        default=None, description="the person's words about itself; null where WhatsApp does not show them"
    )


class ContactGet(ContactRequest):
    """A number is looked up at WhatsApp if the account does not know it; one without WhatsApp is `not_on_whatsapp`.

    An unknown LID is `not_found`: WhatsApp cannot look it up.
    """

    summary: ClassVar = "Read a person's names and addresses, and whether it is blocked."
    example: ClassVar = {"contact": "5491155500001"}
    reads: ClassVar = True
    data: ClassVar = ContactAnswer

    action: Literal["contacts.get"] = "contacts.get"
