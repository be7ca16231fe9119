"""A new link for a group."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.requests.group import GroupRequest, InviteAnswer


class GroupRevokeInvite(GroupRequest):
    """The old link does not work any more; only admins can."""

    summary: ClassVar = "Give a group a new link."
    example: ClassVar = {"group": GROUP_EXAMPLE}
    changes: ClassVar = True
    data: ClassVar = InviteAnswer

    action: Literal["groups.revoke_invite"] = "groups.revoke_invite"
