"""New members of a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.requests.group import GroupPeopleRequest, PeopleAnswer


class GroupAdd(GroupPeopleRequest):
    """A person whose settings forbid it is `invited`; one who is in the group already is `done`."""

    summary: ClassVar = "Add people to a group."
    example: ClassVar = {"group": GROUP_EXAMPLE, "people": ["5491155500001"]}
    changes: ClassVar = True
    data: ClassVar = PeopleAnswer

    action: Literal["groups.add"] = "groups.add"
