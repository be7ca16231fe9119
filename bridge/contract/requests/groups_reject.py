"""People who are not let into a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.requests.group import GroupPeopleRequest, PeopleAnswer


class GroupReject(GroupPeopleRequest):
    """`groups.requests` lists the people who wait."""

    summary: ClassVar = "Refuse people who asked to join a group."
    example: ClassVar = {"group": GROUP_EXAMPLE, "people": ["5491155500001"]}
    changes: ClassVar = True
    data: ClassVar = PeopleAnswer

    action: Literal["groups.reject"] = "groups.reject"
