"""Profile pictures."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from bridge.contract.payload import PageText, Payload
from bridge.contract.requests.contacts_get import ContactRequest


class PictureState(StrEnum):
    """Whether there is a picture."""

    READY = "ready"
    """It is stored here."""
    NONE = "none"
    """There is none, or the person does not show it to this account: WhatsApp does not say which."""


class PictureAnswer(Payload):
    """The picture of a person or a group."""

    contact: str = Field(description="the address whose picture it is")
    state: PictureState = Field(description="`none`: there is none, or it is not shown to this account")
    url: str | None = Field(default=None, description="where the bridge serves it, for a limited time")
    sha256: str | None = Field(default=None, description="SHA-256 of the file, 64 hexadecimal digits")
    size: int | None = Field(default=None, description="bytes")
    mimetype: PageText | None = Field(default=None, description="type of the file")


class PictureGet(ContactRequest):
    """It is downloaded again only when it changed. Also for a group's address."""

    summary: ClassVar = "Fetch the picture of a person or a group into the bridge's files."
    example: ClassVar = {"contact": "5491155500001"}
    reads: ClassVar = True
    data: ClassVar = PictureAnswer

    action: Literal["contacts.picture"] = "contacts.picture"
