"""Admins who become members again."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.requests.group import GroupPeopleRequest, PeopleAnswer


class GroupDemote(GroupPeopleRequest):
    """Who is no admin is `done`. The person who made the group stays an admin."""

    summary: ClassVar = "Take admins' rights in a group away."
    example: ClassVar = {"group": GROUP_EXAMPLE, "people": ["5491155500001"]}
    changes: ClassVar = True
    data: ClassVar = PeopleAnswer

    action: Literal["groups.demote"] = "groups.demote"
