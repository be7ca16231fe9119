"""What the sandbox keeps of a group beside its chat."""

from __future__ import annotations

from pydantic import BaseModel, Field


class JoinRequest(BaseModel):
    """A person who wants to join; `t` is unix seconds."""

    person: str
    t: int


class Group(BaseModel):
    """A group's rights and settings. People are named by the address under which they are participants."""

    owner: str | None = None
    admins: list[str] = []
    member: bool = True
    """Whether the account is in it."""
    description: str = ""
    description_id: str | None = None
    announce: bool = False
    """Whether only admins write."""
    restrict: bool = False
    """Whether only admins change subject, description and picture."""
    ephemeral: int = 0
    """Seconds after which messages disappear."""
    approval: bool = False
    """Whether an admin approves who joins by the link."""
    members_add: bool = False
    """Whether members may add people."""
    invite: str = ""
    """The code of its link."""
    requests: list[JoinRequest] = []
    parent: str | None = None
    """Its community."""
    community: bool = False
    picture: str | None = None
    """Path of its picture on the service's server."""


class GroupSettings(BaseModel, extra="forbid"):
    """Changes of a group; what is None stays."""

    subject: str | None = None
    description: str | None = None
    announce: bool | None = None
    restrict: bool | None = None
    ephemeral: int | None = Field(default=None, ge=0)
    approval: bool | None = None
    picture: bool | None = Field(default=None, description="whether it gets a picture, or (false) loses it")
