"""One group, with its members."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.payload import PageText, Payload
from bridge.contract.requests.group import GroupRequest
from bridge.contract.requests.groups_list import GroupEntry


class GroupMember(Payload):
    """A member of a group."""

    address: str = Field(description="the address that the group uses: a number or a LID")
    person: str | None = Field(default=None, description="the bridge's id of the person, as on `in`")
    from_pn: str | None = Field(default=None, description="phone-number address, where known")
    from_lid: str | None = Field(default=None, description="LID address, where known")
    name: PageText | None = Field(default=None, description="the person's name, where known")
    admin: bool = Field(description="whether it is an admin")
    owner: bool = Field(description="whether it made the group")
    me: bool = Field(description="whether it is this account")


class GroupDetails(GroupEntry):
    """A group with its settings and members."""

    description: PageText | None = Field(default=None, description="its description")
    owner: str | None = Field(default=None, description="address of the person who made it")
    created: int | None = Field(default=None, description="unix seconds")
    restrict: bool | None = Field(default=None, description="whether only admins change subject and description")
    ephemeral: int = Field(default=0, description="seconds after which messages disappear; 0 = they stay")
    approval: bool | None = Field(default=None, description="whether an admin approves who joins by the link")
    children: list[str] = Field(default_factory=list, description="groups of this community")
    members: list[GroupMember] = Field(description="the people in it; empty where this account is not in it")


class GroupGet(GroupRequest):
    """Also for a group that the account has left; then without members."""

    summary: ClassVar = "Read a group: subject, settings, and members with their rights."
    example: ClassVar = {"group": GROUP_EXAMPLE}
    reads: ClassVar = True
    data: ClassVar = GroupDetails

    action: Literal["groups.get"] = "groups.get"
