"""Subject, description and settings of a group."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.payload import CleanText, PageText, Payload
from bridge.contract.requests.group import EPHEMERAL, MAX_DESCRIPTION, Ephemeral, GroupAnswer, GroupRequest, Subject
from bridge.contract.requests.picture import PictureRequest

FIELDS = ("subject", "description", "announce", "restrict", "ephemeral", "picture")


class FailedField(Payload):
    """A change that WhatsApp did not take."""

    field: str = Field(description="the argument")
    code: str = Field(description="error code")
    text: PageText = Field(description="why")


class GroupChanges(GroupAnswer):
    """What was changed. Where nothing was, the request itself fails."""

    changed: list[str] = Field(description="the arguments that were carried out")
    failed: list[FailedField] = Field(default_factory=list, description="those that were not")


class GroupUpdate(PictureRequest, GroupRequest):
    """Each argument is a change of its own; at least one."""

    summary: ClassVar = "Change subject, description, picture or settings of a group."
    example: ClassVar = {"group": GROUP_EXAMPLE, "subject": "Obra Rivadavia 2"}
    changes: ClassVar = True
    data: ClassVar = GroupChanges

    action: Literal["groups.update"] = "groups.update"
    subject: Subject | None = Field(default=None, description="its name")
    description: Annotated[CleanText, Field(max_length=MAX_DESCRIPTION)] | None = Field(
        default=None, description="its description; empty deletes it"
    )
    announce: bool | None = Field(default=None, description="whether only admins write")
    restrict: bool | None = Field(default=None, description="whether only admins change subject and description")
    ephemeral: Ephemeral | None = None

    @override
    def check(self) -> None:
        super().check()
        if all(getattr(self, name) is None for name in FIELDS):
            raise InvalidRequest(f"Nothing to change: give at least one of {', '.join(FIELDS)}.")
        if self.ephemeral is not None and self.ephemeral not in EPHEMERAL:
            raise InvalidRequest(f"ephemeral must be one of {', '.join(map(str, EPHEMERAL))}.")
