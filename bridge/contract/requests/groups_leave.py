"""Leaving a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.requests.group import GroupAnswer, GroupRequest


class GroupLeave(GroupRequest):
    """The chat stays, and takes no more messages."""

    summary: ClassVar = "Leave a group."
    example: ClassVar = {"group": "120363000000000001@g.us"}
    changes: ClassVar = True
    data: ClassVar = GroupAnswer

    action: Literal["groups.leave"] = "groups.leave"
