"""The link of a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.requests.group import GroupRequest, InviteAnswer


class GroupInvite(GroupRequest):
    """Only admins can read it."""

    summary: ClassVar = "Read the link of a group."
    example: ClassVar = {"group": GROUP_EXAMPLE}
    data: ClassVar = InviteAnswer

    action: Literal["groups.invite"] = "groups.invite"
