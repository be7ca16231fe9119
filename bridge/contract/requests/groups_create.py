"""New groups."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from bridge.contract.errors import InvalidRequest
from bridge.contract.payload import CleanText, PageText
from bridge.contract.requests.group import (
    EPHEMERAL,
    MAX_DESCRIPTION,
    Ephemeral,
    GroupAnswer,
    People,
    PeopleAnswer,
    Subject,
)
from bridge.contract.requests.groups_update import FailedField
from bridge.contract.requests.picture import PictureRequest


class CreatedGroup(PeopleAnswer, GroupAnswer):
    """The new group, and what became of each person."""

    subject: PageText = Field(description="its name")
    failed: list[FailedField] = Field(
        default_factory=list, description="description or picture, where the group did not get it"
    )


class GroupCreate(PictureRequest):
    """Nothing is made where none of the people can be found. People who may only be invited are `invited`."""

    summary: ClassVar = "Make a group with people."
    example: ClassVar = {"subject": "Obra Rivadavia", "people": ["5491155500001", "5491155500002"]}
    changes: ClassVar = True
    data: ClassVar = CreatedGroup
    recipient_lists: ClassVar = ("people",)

    action: Literal["groups.create"] = "groups.create"
    subject: Subject = Field(description="its name")
    people: People
    description: Annotated[CleanText, Field(max_length=MAX_DESCRIPTION)] | None = Field(
        default=None, description="its description"
    )
    announce: bool = Field(default=False, description="only admins write")
    restrict: bool = Field(default=False, description="only admins change subject and description")
    ephemeral: Ephemeral = 0

    @override
    def check(self) -> None:
        super().check()
        if self.ephemeral not in EPHEMERAL:
            raise InvalidRequest(f"ephemeral must be one of {', '.join(map(str, EPHEMERAL))}.")
