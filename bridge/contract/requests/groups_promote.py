"""New admins of a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.requests.group import GroupPeopleRequest, PeopleAnswer


class GroupPromote(GroupPeopleRequest):
    """Who is an admin already is `done`."""

    summary: ClassVar = "Make members admins of a group."
    example: ClassVar = {"group": GROUP_EXAMPLE, "people": ["5491155500001"]}
    changes: ClassVar = True
    data: ClassVar = PeopleAnswer

    action: Literal["groups.promote"] = "groups.promote"
