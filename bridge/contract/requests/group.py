"""What the requests about groups have in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field
from typing_extensions import override

from bridge.contract.details import InvalidDetail
from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import parse_recipient
from bridge.contract.payload import CleanText, PageText, Payload, is_none
from bridge.contract.requests.request import Request

#: People in one request.
MAX_PEOPLE = 256
#: Characters of a subject and of a description, as WhatsApp takes them.
MAX_SUBJECT, MAX_DESCRIPTION = 100, 2048

People = Annotated[
    list[CleanText],
    Field(min_length=1, max_length=MAX_PEOPLE, description="numbers in any spelling, or people's addresses"),
]
Subject = Annotated[CleanText, Field(min_length=1, max_length=MAX_SUBJECT)]
Ephemeral = Annotated[int, Field(description="seconds after which messages disappear: 0, 86400, 604800 or 7776000")]
EPHEMERAL = (0, 86_400, 604_800, 7_776_000)


class GroupRequest(Request):
    """A request about one group."""

    recipients: ClassVar = ("group",)

    group: CleanText = Field(description="the group's address, as `groups.list` gives it")

    @override
    def check(self) -> None:
        super().check()
        if not parse_recipient(self.group).is_group:
            raise InvalidRequest(
                f"{self.group[:40]!r} is not the address of a group; groups.list has them.",
                detail=InvalidDetail.NOT_A_RECIPIENT,
            )


class GroupPeopleRequest(GroupRequest):
    """A request about people in one group."""

    recipient_lists: ClassVar = ("people",)

    people: People


class PersonStatus(StrEnum):
    """What became of one person."""

    DONE = "done"
    INVITED = "invited"
    """Not in the group: it joins by the link in `invite`, or when an admin approves."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Only with a response that is `unknown`: the group does not show that it was done."""


class PersonOutcome(Payload):
    """What became of one person of a request."""

    to: PageText = Field(
        description="as the request names the person; its address where the bridge was restarted meanwhile"
    )
    person: str | None = Field(default=None, description="the bridge's id of the person, as on `in`")
    from_pn: str | None = Field(default=None, exclude_if=is_none, description="phone-number address, where known")
    from_lid: str | None = Field(default=None, exclude_if=is_none, description="LID address, where known")
    status: PersonStatus = Field(description="`invited`: not in the group; send `invite` to the person")
    code: str | None = Field(default=None, description="error code, with `failed`")
    text: PageText | None = Field(default=None, exclude_if=is_none, description="why, for a person to read")
    invite: str | None = Field(default=None, exclude_if=is_none, description="the group's link")


class PeopleAnswer(Payload):
    """What became of each person, in the order of `people`."""

    people: list[PersonOutcome] = Field(description="one entry for each")


class GroupAnswer(Payload):
    """The group that it was done to."""

    group: str = Field(description="the group's address")


class InviteAnswer(GroupAnswer):
    """The link of a group."""

    link: str = Field(description="`https://chat.whatsapp.com/…`: who has it can join")
