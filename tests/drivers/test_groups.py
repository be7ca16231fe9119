"""Groups through the real wa-js: requests with an outcome for each person, and events of what changes."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.contract.errors import InvalidRequest, MessageNotFound, NotAllowed, NotOnWhatsApp
from bridge.contract.events import GROUP as GROUP_EVENT
from bridge.contract.jid import Jid
from bridge.contract.kinds import Text
from bridge.contract.modifiers import Modifiers
from bridge.contract.requests import BY_ACTION, request_of
from bridge.contract.session import SessionState
from bridge.ports import CallInDoubt, IncomingEvent, SeenPerson, WhatsAppDriver
from bridge.sandbox.group_records import GroupSettings
from bridge.sandbox.records import ACCOUNT, ACCOUNT_LID, Contact, TransmissionMode
from tests.drivers.recording import RecordingSink
from tests.drivers.worlds import (
    ANA,
    CARLA,
    CARLA_LID,
    DARIO,
    ELENA,
    GROUP,
    MEMBER,
    UNANSWERED,
    UNREGISTERED,
    WebWorld,
    connected,
)

BRUNO, SHY, GONE = "5491155500002@c.us", "5491155500021@c.us", "5491155500022@c.us"


async def ask(driver: WhatsAppDriver, action: str, **arguments: Any) -> Any:
    """The data of a request, in the form that the contract documents."""
    request = request_of(action, arguments)
    data = await driver.answer(request)
    form = BY_ACTION[action].data
    assert form is not None
    form.model_validate(_plain(data))
    return data


def _plain(data: Any) -> Any:
    if isinstance(data, SeenPerson):
        return "person"
    if isinstance(data, dict):
        return {name: _plain(value) for name, value in data.items()}
    return [_plain(one) for one in data] if isinstance(data, list) else data


def outcomes(data: Any) -> list[tuple[str, str, str | None]]:
    return [(one["to"], one["status"], one["code"]) for one in data["people"]]


def events(sink: RecordingSink) -> list[IncomingEvent]:
    items = [item for batch in sink.batches for item in batch]
    return [one for one in items if isinstance(one, IncomingEvent) and one.kind == GROUP_EVENT]


def people_of(event: IncomingEvent) -> set[str]:
    return {str(address) for one in event.fields["people"] for address in one.addresses}


async def test_a_group_from_its_creation_to_the_end(web: WebWorld) -> None:
    world = web.sandbox.world
    world.directory.add_contact(Contact(pn=SHY, name="Tímida", saved=False, add_code=403))
    world.directory.add_contact(Contact(pn=GONE, name="Se fue", saved=False, add_code=408))
    async with connected(web) as (driver, sink):
        people = ["+54 9 11 5550-0001", "5491155500002", "5491155500001", UNREGISTERED, UNANSWERED, ACCOUNT, DARIO, SHY]
        made = await ask(driver, "groups.create", subject="Obra", people=people, announce=True, ephemeral=86_400)
        group = made["group"]
        chat, state = world.groups.group(group)
        assert outcomes(made) == [
            (people[0], "done", None),
            (people[1], "done", None),
            (people[2], "done", None),
            (people[3], "failed", "not_on_whatsapp"),
            (people[4], "failed", "not_connected"),
            (people[5], "failed", "invalid"),
            (people[6], "failed", "refused"),
            (people[7], "invited", None),
        ]
        assert made["people"][7]["invite"] == f"https://chat.whatsapp.com/{state.invite}"
        assert made["people"][1]["person"] == SeenPerson(frozenset({Jid.parse(BRUNO), Jid.parse(MEMBER)}))
        assert (chat.participants, state.announce, state.restrict, state.ephemeral) == (
            *([ANA, MEMBER], True, False),
            86_400,
        )
        with pytest.raises(NotOnWhatsApp, match="No group was made"):
            await ask(driver, "groups.create", subject="Nadie", people=[UNREGISTERED])

        added = await ask(driver, "groups.add", group=group, people=[CARLA, BRUNO, GONE, ELENA])
        assert outcomes(added) == [
            (CARLA, "done", None),
            (BRUNO, "done", None),
            (GONE, "invited", None),
            (ELENA, "done", None),
        ]
        for _ in range(2):
            promoted = await ask(driver, "groups.promote", group=group, people=["5491155500003", ACCOUNT, SHY])
            assert [one[1:] for one in outcomes(promoted)] == [
                ("done", None),
                ("failed", "invalid"),
                ("failed", "not_found"),
            ]
        assert state.admins == [ACCOUNT_LID, CARLA_LID]
        demoted = await ask(driver, "groups.demote", group=group, people=[CARLA, ANA])
        assert outcomes(demoted) == [(CARLA, "done", None), (ANA, "done", None)]
        removed = await ask(driver, "groups.remove", group=group, people=[ELENA, CARLA_LID, UNREGISTERED, ACCOUNT])
        assert [one[1:] for one in outcomes(removed)] == [
            *(("done", None), ("done", None), ("failed", "not_found")),
            ("failed", "invalid"),
        ]
        assert chat.participants == [ANA, MEMBER]

        changed = {"subject": "Obra 2", "description": "Horarios", "announce": False, "restrict": True, "ephemeral": 0}
        answer = await ask(driver, "groups.update", group=group, **changed)
        assert (answer["changed"], answer["failed"]) == (list(changed), [])
        assert (chat.name, state.description, state.announce, state.restrict, state.ephemeral) == tuple(
            changed.values()
        )
        assert (await ask(driver, "groups.update", group=group, description=""))["changed"] == ["description"]
        assert state.description == ""

        link = (await ask(driver, "groups.invite", group=group))["link"]
        fresh = (await ask(driver, "groups.revoke_invite", group=group))["link"]
        assert link != fresh == f"https://chat.whatsapp.com/{state.invite}"
        world.groups.change(group, GroupSettings(approval=True))
        world.groups.join(state.invite, ELENA)
        world.groups.join(state.invite, CARLA)
        asking = await ask(driver, "groups.requests", group=group)
        assert [one["address"] for one in asking["requests"]] == [ELENA, CARLA_LID]
        approved = await ask(driver, "groups.approve", group=group, people=[CARLA, ANA])
        assert outcomes(approved) == [(CARLA, "done", None), (ANA, "failed", "not_found")]
        assert outcomes(await ask(driver, "groups.reject", group=group, people=[ELENA])) == [(ELENA, "done", None)]
        assert (chat.participants, state.requests) == ([ANA, MEMBER, CARLA_LID], [])

        read = await ask(driver, "groups.get", group=group)
        assert (read["subject"], read["size"], read["admin"], read["approval"]) == ("Obra 2", 4, True, True)
        assert {one["address"]: (one["admin"], one["owner"], one["me"]) for one in read["members"]} == {
            ANA: (False, False, False),
            MEMBER: (False, False, False),
            CARLA_LID: (False, False, False),
            ACCOUNT_LID: (True, True, True),
        }
        listed = await ask(driver, "groups.list", limit=1)
        assert [one["group"] for one in listed["groups"]] == [group]
        rest = await ask(driver, "groups.list", after=listed["next"])
        assert ([one["group"] for one in rest["groups"]], rest["next"]) == ([GROUP], None)
        assert [one["group"] for one in (await ask(driver, "groups.list", search="VECI"))["groups"]] == [GROUP]

        assert await ask(driver, "groups.leave", group=group) == {"group": group}
        for action in ("groups.leave", "groups.invite"):
            with pytest.raises(NotAllowed, match="not a member"):
                await ask(driver, action, group=group)
        assert (await ask(driver, "groups.get", group=group))["members"] == []

        await sink.until(lambda: len(events(sink)) >= 17)
        found = [(one.fields["action"], str(one.fields["by"])) for one in events(sink)]
        mine = [name for name, by in found if by == ACCOUNT_LID]
        assert mine == [
            *("create", "add", "promote", "demote", "remove"),
            *("subject", "description", "announce", "restrict", "ephemeral", "description", "invite", "approval"),
            *("join", "leave"),
        ]
        assert [one for one in found if one[1] != ACCOUNT_LID] == [("request", ELENA), ("request", CARLA_LID)]


async def test_what_others_do_in_a_group_is_an_event_once_also_in_catch_up(web: WebWorld) -> None:
    groups = web.sandbox.world.groups
    async with connected(web) as (driver, sink):
        groups.add(GROUP, [CARLA], by=ANA)
        groups.promote(GROUP, [CARLA], by=ANA)
        groups.leave(GROUP, DARIO)
        groups.promote(GROUP, [ACCOUNT], by=ANA)
        groups.change(GROUP, GroupSettings(subject="Consorcio", announce=True, ephemeral=604_800), by=ANA)
        await sink.until(lambda: len(events(sink)) >= 7)
        found = events(sink)
        assert [one.fields["action"] for one in found] == [
            *("add", "promote", "leave", "promote", "subject", "announce", "ephemeral"),
        ]
        assert len({one.once for one in found}) == len(found)
        assert {str(one.chat) for one in found} == {GROUP}
        assert people_of(found[0]) == people_of(found[1]) == {CARLA, CARLA_LID}
        assert (people_of(found[2]), str(found[2].author)) == ({DARIO}, DARIO)
        assert (found[4].fields["subject"], found[5].fields["on"], found[6].fields["ephemeral"]) == (
            "Consorcio",
            True,
            604_800,
        )
        since, before = len(sink.states), len(sink.batches)
        web.link(up=False)
        await sink.until_state(SessionState.RECONNECTING, since)
        groups.remove(GROUP, [CARLA], by=ANA)
        await driver.reload()
        web.link(up=True)
        await sink.until_state(SessionState.CONNECTED, since)
        async for _ in driver.collect({}, 0):
            pass
        await driver.resume()
        await sink.until(lambda: any(one.fields["action"] == "remove" for one in events(sink)))
        again = [one for batch in sink.batches[before:] for one in batch if isinstance(one, IncomingEvent)]
        assert {one.once for one in again} >= {one.once for one in found if one.fields["action"] in ("add", "subject")}
        removed = next(one for one in again if one.fields["action"] == "remove")
        assert (people_of(removed), removed.fields["by"]) == ({CARLA, CARLA_LID}, ANA)


async def test_what_cannot_be_done_is_refused_with_the_reason(web: WebWorld) -> None:
    world = web.sandbox.world
    async with connected(web) as (driver, _):
        for action, more in (
            ("groups.add", {"people": [CARLA]}),
            ("groups.remove", {"people": [ANA]}),
            ("groups.promote", {"people": [DARIO]}),
            ("groups.invite", {}),
            ("groups.requests", {}),
            ("groups.update", {"announce": True}),
        ):
            with pytest.raises(NotAllowed, match="Only an admin"):
                await ask(driver, action, group=GROUP, **more)
        with pytest.raises(MessageNotFound, match="no group"):
            await ask(driver, "groups.get", group="120363000000000099@g.us")
        with pytest.raises(MessageNotFound, match="link"):
            await ask(driver, "groups.join", invite="https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv")
        partly = await ask(driver, "groups.update", group=GROUP, subject="Consorcio", restrict=True)
        assert partly["changed"] == ["subject"]
        assert [(one["field"], one["code"]) for one in partly["failed"]] == [("restrict", "not_allowed")]

        await driver.may_write(Jid.parse(GROUP))
        key = await driver.reserve(Jid.parse(GROUP))
        await driver.send(key, Text("Atención @todos"), Modifiers(mentions=["all"]))
        sent = world.message(key.id)
        assert sent is not None
        assert set(sent.fields["mentionedJidList"]) == {ANA, MEMBER, DARIO, ACCOUNT_LID}
        world.groups.change(GROUP, GroupSettings(announce=True), by=ANA)
        await web_knows(driver, GROUP, "Only admins")
        with pytest.raises(NotAllowed, match="Only admins"):
            await driver.send(await driver.reserve(Jid.parse(GROUP)), Text("no"))
        world.groups.promote(GROUP, [ACCOUNT], by=ANA)
        while True:
            try:
                await driver.may_write(Jid.parse(GROUP))
                break
            except NotAllowed:
                continue
        world.groups.remove(GROUP, [ACCOUNT], by=ANA)
        await web_knows(driver, GROUP, "not a member")
        assert len(world.state.sent) == 1

        _, state = world.groups.group(GROUP)
        assert await ask(driver, "groups.join", invite=f"chat.whatsapp.com/{state.invite}") == {
            "group": GROUP,
            "pending": False,
        }
        made = (await ask(driver, "groups.create", subject="Prueba", people=[ANA]))["group"]
        web.set(send_mode=TransmissionMode.REFUSE, refusal_code=429)
        with pytest.raises(Exception, match="429"):
            await ask(driver, "groups.add", group=made, people=[BRUNO])
        web.set(refusal_code=500)
        with pytest.raises(CallInDoubt):
            await ask(driver, "groups.add", group=made, people=[BRUNO])
        with pytest.raises(CallInDoubt):
            await ask(driver, "groups.update", group=made, announce=True)
        web.set(refusal_code=403)
        with pytest.raises(NotAllowed):
            await ask(driver, "groups.update", group=made, announce=True)


async def web_knows(driver: WhatsAppDriver, group: str, why: str) -> None:
    """Wait until the page refuses messages to a group."""
    while True:
        try:
            await driver.may_write(Jid.parse(group))
        except NotAllowed as refused:
            assert why in refused.text  # noqa: PT017 - the loop waits for it
            return


@pytest.mark.parametrize(
    ("action", "arguments", "why"),
    [
        ("groups.add", {"people": [ANA]}, "group is missing"),
        ("groups.add", {"group": ANA, "people": [ANA]}, "not the address of a group"),
        ("groups.add", {"group": GROUP, "people": []}, "people"),
        ("groups.add", {"group": GROUP, "people": [f"54911555{n:05}" for n in range(257)]}, "people"),
        ("groups.add", {"group": GROUP, "people": ["12"]}, "phone number"),
        ("groups.create", {"subject": "x" * 101, "people": [ANA]}, "subject"),
        ("groups.create", {"subject": "x", "people": [ANA], "ephemeral": 60}, "ephemeral"),
        ("groups.update", {"group": GROUP}, "Nothing to change"),
        ("groups.join", {"invite": "https://example.com/x"}, "invite must be a link"),
    ],
)
def test_arguments_are_checked(action: str, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        request_of(action, arguments)
