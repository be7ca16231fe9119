"""New groups."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from bridge.contract.errors import InvalidRequest
from bridge.contract.payload import PageText
from bridge.contract.requests.group import EPHEMERAL, Ephemeral, GroupAnswer, People, PeopleAnswer, Subject
from bridge.contract.requests.request import Request


class CreatedGroup(PeopleAnswer, GroupAnswer):
    """The new group, and what became of each person."""

    subject: PageText = Field(description="its name")


class GroupCreate(Request):
    """Nothing is made where none of the people can be found. People who may only be invited are `invited`."""

    summary: ClassVar = "Make a group with people."
    example: ClassVar = {"subject": "Obra Rivadavia", "people": ["5491155500001", "5491155500002"]}
    changes: ClassVar = True
    data: ClassVar = CreatedGroup
    recipient_lists: ClassVar = ("people",)

    action: Literal["groups.create"] = "groups.create"
    subject: Subject = Field(description="its name")
    people: People
    announce: bool = Field(default=False, description="only admins write")
    restrict: bool = Field(default=False, description="only admins change subject and description")
    ephemeral: Ephemeral = 0

    @override
    def check(self) -> None:
        super().check()
        if self.ephemeral not in EPHEMERAL:
            raise InvalidRequest(f"ephemeral must be one of {', '.join(map(str, EPHEMERAL))}.")
