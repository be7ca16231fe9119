"""People who asked to join a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.payload import PageText, Payload
from bridge.contract.requests.group import GroupAnswer, GroupRequest


class JoinRequestEntry(Payload):
    """A person who asked to join."""

    address: str = Field(description="a number or a LID: give this to `groups.approve` or `groups.reject`")
    person: str | None = Field(default=None, description="the bridge's id of the person, as on `in`")
    from_pn: str | None = Field(default=None, description="phone-number address, where known")
    from_lid: str | None = Field(default=None, description="LID address, where known")
    name: PageText | None = Field(default=None, description="the person's name, where known")
    at: int | None = Field(default=None, description="unix seconds")


class JoinRequests(GroupAnswer):
    """Who asked to join."""

    requests: list[JoinRequestEntry] = Field(description="the oldest first")


class GroupRequests(GroupRequest):
    """Only admins can. `groups.approve` and `groups.reject` answer them."""

    summary: ClassVar = "List the people who asked to join a group."
    example: ClassVar = {"group": GROUP_EXAMPLE}
    reads: ClassVar = True
    data: ClassVar = JoinRequests

    action: Literal["groups.requests"] = "groups.requests"
