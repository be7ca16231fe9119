"""What must not go wrong: a service that is asked too much, and one that fails for some of the people."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bridge.sandbox.records import ACCOUNT, Contact
from tests.drivers.worlds import ANA, GROUP, STRANGER, UNANSWERED, UNREGISTERED
from tests.requests.conftest import RunningBridge

NEW = [f"549115559{number:04}" for number in range(10)]


@contextmanager
def lookup_code(running: RunningBridge, code: int) -> Iterator[None]:
    """The service answers each look-up of a number with this error."""
    world = running.world
    world.configure(world.state.settings.model_copy(update={"lookup_code": code}))
    yield
    world.configure(world.state.settings.model_copy(update={"lookup_code": None}))


async def test_too_many_look_ups_delay_and_are_never_a_no(running: RunningBridge) -> None:
    for number in NEW[:2]:
        running.world.directory.add_contact(Contact(pn=f"{number}@c.us", name=number, saved=False))
    group = (await running.ask("groups.create", subject="Lenta", people=[ANA]))["data"]["group"]
    with lookup_code(running, 429):
        added = await running.ask("groups.add", group=group, people=[ANA, NEW[0]])
        assert [(one["status"], one["code"]) for one in added["data"]["people"]] == [
            ("done", None),
            ("failed", "limit_reached"),
        ]
        got = await running.ask("contacts.get", contact=NEW[0])
        assert (got["status"], got["error"]["code"]) == ("failed", "limit_reached")
        asked = len(running.world.directory.looked_up)
        checking = asyncio.create_task(running.ask("contacts.check", contacts=[*NEW[:2], UNREGISTERED]))
        async with asyncio.timeout(10):
            while len(running.world.directory.looked_up) == asked:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    checked = await checking
    assert [(one["exists"], one.get("code")) for one in checked["data"]["contacts"]] == [
        (True, None),
        (True, None),
        (False, None),
    ]


async def test_an_error_in_the_middle_of_ten_people_leaves_the_others(running: RunningBridge) -> None:
    world = running.world
    for index, number in enumerate(NEW):
        world.directory.add_contact(Contact(pn=f"{number}@c.us", name=number, add_code=500 if index == 4 else None))
    group = (await running.ask("groups.create", subject="Diez", people=[ANA]))["data"]["group"]
    people = [*NEW, UNANSWERED, ACCOUNT, STRANGER, ANA]
    added = await running.ask("groups.add", id="ten", group=group, people=people)
    assert added["status"] == "done"
    outcomes = [(one["status"], one["code"]) for one in added["data"]["people"]]
    assert outcomes == [
        *[("done", None)] * 4,
        ("failed", "internal"),
        *[("done", None)] * 5,
        ("failed", "not_connected"),
        ("failed", "invalid"),
        ("failed", "refused"),
        ("done", None),
    ]
    assert len(world.groups.group(group)[0].participants) == 10
    other = await running.ask("groups.add", id="ten", group=group, people=NEW[:1])
    assert (other["status"], other["error"]["code"]) == ("failed", "conflict")


@pytest.mark.parametrize(
    ("action", "arguments", "code"),
    [
        ("groups.add", {"group": GROUP, "people": [ANA]}, "not_allowed"),  # not an admin
        ("groups.update", {"group": GROUP, "announce": True}, "not_allowed"),
        ("groups.get", {"group": "120363000000000099@g.us"}, "not_found"),
        ("groups.leave", {"group": "120363000000000099@g.us"}, "not_found"),
        ("groups.add", {"group": GROUP, "people": [f"54911555{n:05}" for n in range(257)]}, "invalid"),
        ("groups.join", {"invite": "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv"}, "not_found"),
        ("groups.create", {"subject": "Nadie", "people": [ACCOUNT, UNREGISTERED]}, "not_on_whatsapp"),
        ("contacts.block", {"contact": ACCOUNT}, "invalid"),
        ("contacts.get", {"contact": STRANGER}, "not_found"),
        ("chats.archive", {"chat": "5491155500098"}, "invalid"),
        ("calls.reject", {"call_id": "nope"}, "not_found"),
        ("labels.set", {"chat": ANA, "labels": ["Ninguna"]}, "not_found"),
        ("media.get", {"message_id": "false_5491155500001@c.us_NOPE"}, "not_found"),
    ],
)
async def test_what_cannot_be_done_fails_with_its_code(
    running: RunningBridge, action: str, arguments: dict[str, object], code: str
) -> None:
    refused = await running.ask(action, **arguments)
    assert (refused["status"], refused["error"]["code"]) == ("failed", code), refused


async def test_nothing_is_done_in_a_group_that_was_left(running: RunningBridge) -> None:
    group = (await running.ask("groups.create", subject="Ajena", people=[ANA]))["data"]["group"]
    assert (await running.ask("groups.leave", group=group))["status"] == "done"
    for action, more in (("groups.add", {"people": [ANA]}), ("groups.update", {"subject": "x"}), ("groups.leave", {})):
        refused = await running.ask(action, group=group, **more)
        assert (refused["status"], refused["error"]["code"]) == ("failed", "not_allowed")
