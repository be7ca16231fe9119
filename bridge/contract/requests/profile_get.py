"""The account's own profile."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bridge.contract.payload import PageText, Payload
from bridge.contract.requests.request import Request


class ProfileAnswer(Payload):
    """What others see of the account."""

    from_pn: str | None = Field(default=None, description="the account's phone-number address")
    from_lid: str | None = Field(default=None, description="its LID address, where known")
    name: PageText | None = Field(default=None, description="the name that others see")
    about: PageText | None = Field(default=None, description="its words about itself")
    business: bool = Field(description="whether it is a WhatsApp Business account")


class ProfileGet(Request):
    summary: ClassVar = "Read the account's own name and about text."
    reads: ClassVar = True
    data: ClassVar = ProfileAnswer

    action: Literal["profile.get"] = "profile.get"
