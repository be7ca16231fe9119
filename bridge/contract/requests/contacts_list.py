"""The contacts of the account."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.contract.payload import CleanText, PageText, Payload
from bridge.contract.requests.request import Request

MAX_CONTACTS = 500


class ContactEntry(Payload):
    """A person whom the account knows."""

    contact: str = Field(description="the person's address: the number where it is known, else the LID")
    from_pn: str | None = Field(default=None, description="phone-number address, where known")
    from_lid: str | None = Field(default=None, description="LID address, where known")
    name: PageText | None = Field(default=None, description="name in the account's address book")
    pushname: PageText | None = Field(default=None, description="name that the person gave itself")
    business: bool = Field(description="whether it is a business account")
    saved: bool = Field(description="whether it is in the account's address book")
    blocked: bool = Field(description="whether this account has blocked the person")


class ContactPage(Payload):
    """A page of contacts."""

    contacts: list[ContactEntry] = Field(description="in the order of their names, those without one last")
    next: str | None = Field(default=None, description="`after` of the next page; null = this is the last one")


class ContactList(Request):
    """With `blocked` it is the block list."""

    summary: ClassVar = "List the contacts, in pages; also those that are blocked."
    example: ClassVar = {"limit": 100}
    reads: ClassVar = True
    data: ClassVar = ContactPage

    action: Literal["contacts.list"] = "contacts.list"
    after: CleanText | None = Field(default=None, description="`next` of the page before")
    limit: Annotated[int, Field(ge=1, le=MAX_CONTACTS, description="contacts in a page")] = 100
    search: Annotated[CleanText, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="only those with this in a name or the number"
    )
    saved: bool | None = Field(default=None, description="only those that are in the address book, or (false) are not")
    blocked: bool | None = Field(default=None, description="only those that are blocked, or (false) are not")
