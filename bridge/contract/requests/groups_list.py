"""The groups of the account."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.contract.payload import CleanText, PageText, Payload
from bridge.contract.requests.request import Request

MAX_GROUPS = 200


class GroupEntry(Payload):
    """A group, as far as the page has it in memory; null = not known without `groups.get`."""

    group: str = Field(description="the group's address")
    subject: PageText | None = Field(default=None, description="its name")
    size: int | None = Field(default=None, description="number of members")
    member: bool | None = Field(default=None, description="whether this account is in it")
    admin: bool | None = Field(default=None, description="whether this account is an admin of it")
    announce: bool | None = Field(default=None, description="whether only admins write")
    community: bool | None = Field(default=None, description="whether it is a community")
    parent: str | None = Field(default=None, description="the community that it belongs to")


class GroupPage(Payload):
    """A page of groups."""

    groups: list[GroupEntry] = Field(description="those with the newest messages first")
    next: str | None = Field(default=None, description="`after` of the next page; null = this is the last one")


class GroupList(Request):
    """Groups that the account has left are listed too, while their chat exists."""

    summary: ClassVar = "List the groups, in pages."
    example: ClassVar = {"limit": 50}
    reads: ClassVar = True
    data: ClassVar = GroupPage

    action: Literal["groups.list"] = "groups.list"
    after: CleanText | None = Field(default=None, description="`next` of the page before")
    limit: Annotated[int, Field(ge=1, le=MAX_GROUPS, description="groups in a page")] = 50
    search: Annotated[CleanText, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="only groups with this in their name"
    )
