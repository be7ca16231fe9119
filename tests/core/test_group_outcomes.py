"""What is said of each person of a request about a group whose answer was lost."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.contract.errors import NotAllowed
from bridge.contract.jid import Jid
from bridge.contract.requests import request_of
from bridge.contract.responses import ResponseStatus
from bridge.drivers.scripted import SendMode
from bridge.ports import SeenPerson
from tests.core.commands import ANA, BETO
from tests.core.conftest import SessionHarness

GROUP = "120363000000000001@g.us"
LID, OTHER_LID = "188000000000001@lid", "188000000000002@lid"
CARO = "5491155500003@c.us"


def member(*addresses: str, admin: bool = False) -> dict[str, Any]:
    return {"person": SeenPerson(frozenset(map(Jid.parse, addresses))), "admin": admin}


async def outcomes(harness: SessionHarness, action: str, people: list[str]) -> list[str]:
    request = request_of(action, {"group": GROUP, "people": people})
    response = await harness.session.requests.respond(request)
    assert response.status is ResponseStatus.UNKNOWN
    assert [one["to"] for one in response.data["people"]] == people
    return [one["status"] for one in response.data["people"]]


@pytest.mark.parametrize("mode", [SendMode.ANSWER_LOST, SendMode.CALL_LOST])
async def test_the_group_says_what_was_done(harness: SessionHarness, mode: SendMode) -> None:
    await harness.start()
    phone = harness.phone
    phone.send_mode = mode
    members = [member(ANA, LID), member(BETO, admin=True)]
    phone.answers["groups.get"] = {"member": True, "members": members}
    assert await outcomes(harness, "groups.add", ["+54 11 5550-0001", CARO, LID]) == ["done", "unknown", "done"]
    assert await outcomes(harness, "groups.promote", [ANA, BETO, CARO]) == ["unknown", "done", "unknown"]
    assert await outcomes(harness, "groups.demote", [ANA, BETO, CARO]) == ["done", "unknown", "unknown"]
    assert await outcomes(harness, "groups.remove", [ANA, CARO]) == ["unknown", "done"]
    members.append(member(OTHER_LID))  # Caro may be this one: her number is hidden
    assert await outcomes(harness, "groups.remove", [CARO]) == ["unknown"]
    phone.answers["groups.get"] = {"member": False, "members": []}  # nothing is seen of a group that was left
    assert await outcomes(harness, "groups.remove", [ANA]) == ["unknown"]
    phone.answers["groups.get"] = NotAllowed()
    assert await outcomes(harness, "groups.add", [ANA]) == ["unknown"]


async def test_what_no_group_shows_stays_without_data(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.send_mode = SendMode.ANSWER_LOST
    response = await harness.session.requests.respond(request_of("groups.leave", {"group": GROUP}))
    assert (response.status, response.data) == (ResponseStatus.UNKNOWN, None)
