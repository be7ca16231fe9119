"""Joining a group by its link."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from bridge.contract.details import InvalidDetail
from bridge.contract.errors import InvalidRequest
from bridge.contract.payload import CleanText
from bridge.contract.requests.group import GroupAnswer
from bridge.contract.requests.request import Request

_LINK = re.compile(r"(?:(?:https?://)?chat\.whatsapp\.com/(?:invite/)?)?([A-Za-z0-9_-]{10,40})(?:\?\S*)?")

#: What stands before the code in a group's link.
INVITE_LINK = "https://chat.whatsapp.com/"


def invite_code(link: str) -> str:
    """The code at the end of a group's link, also where it stands alone. Raises `InvalidRequest`."""
    found = _LINK.fullmatch(link.strip())
    if found is None:
        raise InvalidRequest(
            f"invite must be a link {INVITE_LINK}… or the code at its end.", detail=InvalidDetail.NOT_AN_INVITE
        )
    return found[1]


class JoinAnswer(GroupAnswer):
    """The group of the link."""

    pending: bool = Field(description="an admin of the group has to approve first")


class GroupJoin(Request):
    """A link that is not valid any more is `not_found`."""

    summary: ClassVar = "Join a group by its link."
    example: ClassVar = {"invite": "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv"}
    changes: ClassVar = True
    data: ClassVar = JoinAnswer

    action: Literal["groups.join"] = "groups.join"
    invite: CleanText = Field(description="the link, or the code at its end")

    @override
    def check(self) -> None:
        super().check()
        invite_code(self.invite)

    @property
    @override
    def arguments(self) -> dict[str, str]:
        """With the code alone."""
        return {**super().arguments, "invite": invite_code(self.invite)}
