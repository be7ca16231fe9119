"""Members who are removed from a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.requests.group import GroupPeopleRequest, PeopleAnswer


class GroupRemove(GroupPeopleRequest):
    """This account itself leaves with `groups.leave`."""

    summary: ClassVar = "Remove people from a group."
    example: ClassVar = {"group": GROUP_EXAMPLE, "people": ["5491155500001"]}
    changes: ClassVar = True
    data: ClassVar = PeopleAnswer

    action: Literal["groups.remove"] = "groups.remove"
