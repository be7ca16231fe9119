"""Leaving a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.requests.group import GroupAnswer, GroupRequest


class GroupLeave(GroupRequest):
    """The chat stays, and takes no more messages."""

    summary: ClassVar = "Leave a group."
    example: ClassVar = {"group": GROUP_EXAMPLE}
    changes: ClassVar = True
    data: ClassVar = GroupAnswer

    action: Literal["groups.leave"] = "groups.leave"
