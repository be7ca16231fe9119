"""The link of a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.requests.group import GroupRequest, InviteAnswer


class GroupInvite(GroupRequest):
    """Only admins can read it."""

    summary: ClassVar = "Read the link of a group."
    example: ClassVar = {"group": "120363000000000001@g.us"}
    data: ClassVar = InviteAnswer

    action: Literal["groups.invite"] = "groups.invite"
