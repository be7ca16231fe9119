"""What became of the people of a request about a group that is in doubt: the group shows who is in it now.

Who is as the request wants it counts as done. Of the others nothing is known: the service may not have begun yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridge.contract.errors import CodedError
from bridge.contract.jid import Jid
from bridge.contract.phone_numbers import candidates
from bridge.contract.requests import GroupGet, GroupPeopleRequest, Request
from bridge.contract.requests.group import PersonStatus
from bridge.contract.session import SessionState
from bridge.core.session_view import SessionView
from bridge.ports import Answers, SeenPerson

_log = logging.getLogger(__name__)
#: Seconds to wait for a connection before nothing is known of anybody.
LOOK_LIMIT = 60.0
Member = Mapping[str, Any]

#: By action: whether a member (None = not in the group) is as the request wants it.
_WANTED: Mapping[str, Callable[[Member | None], bool]] = {
    "groups.add": lambda member: member is not None,
    "groups.approve": lambda member: member is not None,
    "groups.remove": lambda member: member is None,
    "groups.promote": lambda member: member is not None and member["admin"] is True,
    "groups.demote": lambda member: member is not None and member["admin"] is False,
}
_UNKNOWN = "WhatsApp gave no answer, and the group does not show it."


def can_show(request: Request) -> bool:
    """Whether a group shows what became of this request."""
    return isinstance(request, GroupPeopleRequest) and request.action in _WANTED


class GroupOutcomes:
    """Reads groups after requests that are in doubt."""

    def __init__(self, driver: Answers, view: SessionView, *, limit: float = LOOK_LIMIT) -> None:
        self._driver = driver
        self._view = view
        self._limit = limit

    async def read(self, request: Request) -> dict[str, Any] | None:
        """The data of a request in doubt, as the driver gives it; None where nothing shows what became of it.

        Waits for a connection, for a time. Where the group cannot be read, everybody is unknown.
        """
        if not isinstance(request, GroupPeopleRequest) or not can_show(request):
            return None
        members = await self._members(request)
        wanted = _WANTED[request.action]
        people = [
            _outcome(spelled, to, members, wanted)
            for spelled, to in zip(request.people, request.address_lists["people"], strict=True)
        ]
        return {"people": people}

    async def _members(self, request: GroupPeopleRequest) -> Sequence[Member] | None:
        try:
            async with asyncio.timeout(self._limit):
                with self._view.watch() as changes:
                    while self._view.situation.state is not SessionState.CONNECTED:
                        await changes.get()
                group = await self._driver.answer(GroupGet(group=str(request.addresses["group"])))
        except (CodedError, TimeoutError) as error:
            _log.info("the group of the request %s cannot be read: %s", request.id, error)
            return None
        return group["members"] if group and group.get("member") is True else None


def _outcome(
    spelled: str, to: Jid, members: Sequence[Member] | None, wanted: Callable[[Member | None], bool]
) -> dict[str, Any]:
    forms = {Jid(number, to.server) for number in candidates(to.user)} if to.is_user else {to}
    member = next((one for one in members or () if forms & one["person"].addresses), None)
    # a member without an address of this kind may be this person
    is_absent = members is not None and all(_has_kind(one["person"], to) for one in members)
    done = (member is not None or is_absent) and wanted(member)
    return {
        "to": spelled,
        "person": member["person"] if member else SeenPerson(frozenset({to})),
        "status": PersonStatus.DONE if done else PersonStatus.UNKNOWN,
        "code": None,
        **({} if done else {"text": _UNKNOWN}),
    }


def _has_kind(person: SeenPerson, to: Jid) -> bool:
    return any(address.is_user == to.is_user for address in person.addresses)
