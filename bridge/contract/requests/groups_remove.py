"""Members who are removed from a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.requests.group import GroupPeopleRequest, PeopleAnswer


class GroupRemove(GroupPeopleRequest):
    """This account itself leaves with `groups.leave`."""

    summary: ClassVar = "Remove people from a group."
    example: ClassVar = {"group": "120363000000000001@g.us", "people": ["5491155500001"]}
    changes: ClassVar = True
    data: ClassVar = PeopleAnswer

    action: Literal["groups.remove"] = "groups.remove"
