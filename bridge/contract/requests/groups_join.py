"""Joining a group by its link."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from bridge.contract.errors import InvalidRequest
from bridge.contract.payload import CleanText
from bridge.contract.requests.group import GroupAnswer
from bridge.contract.requests.request import Request

_LINK = re.compile(r"(?:(?:https?://)?chat\.whatsapp\.com/(?:invite/)?)?([A-Za-z0-9_-]{10,40})(?:\?\S*)?")


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
        if not _LINK.fullmatch(self.invite.strip()):
            raise InvalidRequest("invite must be a link https://chat.whatsapp.com/… or the code at its end.")

    @property
    @override
    def arguments(self) -> dict[str, str]:
        """With the code alone."""
        found = _LINK.fullmatch(self.invite.strip())
        return {**super().arguments, "invite": found[1] if found else self.invite}
