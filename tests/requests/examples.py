"""An example of each action, for a bridge on the sandbox: what is asked, and what must have become of it.

A new action needs a line in `EXAMPLES`; one that changes something needs a look at the sandbox's world, too.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.sandbox.group_records import Group, GroupSettings
from bridge.sandbox.records import Chat, Contact
from tests.drivers.worlds import ANA, ELENA
from tests.loopback import http_client
from tests.requests.conftest import RunningBridge

PNG = (Path(__file__).parents[1] / "samples" / "red.png").read_bytes()


@dataclass
class Stage:
    """What the examples of one door act on: of its own, since the doors are tried at once. `number` is the door's."""

    running: RunningBridge
    number: int
    groups: dict[str, str] = field(default_factory=dict)  # purpose -> address
    people: dict[str, str] = field(default_factory=dict)
    call_id: str = ""
    message_id: str = ""
    invite: str = ""

    async def prepare(self) -> None:
        world = self.running.world
        for index, name in enumerate(("friend", "blocked", "new", "member", "leaver", "guest", "intruder", "caller")):
            address = self.people[name] = f"549115557{self.number}{index}00@c.us"
            world.directory.add_contact(Contact(pn=address, name=f"{name} {self.number}"))
        people = self.people
        world.incoming(people["friend"], "Hola")
        world.account.block(people["blocked"], blocked=True)
        for name in ("own", "left"):
            members = [people["member"], people["leaver"], ANA]
            self.groups[name] = world.groups.create(f"{name} {self.number}", members)[0].id
        self.groups["other"] = world.groups.create(f"other {self.number}", [ELENA], by=ANA)[0].id
        own = self.groups["own"]
        world.groups.change(own, GroupSettings(approval=True))
        self.invite = self.group("own").invite
        for name in ("guest", "intruder"):
            world.groups.join(self.invite, people[name])
        self.call_id = world.account.call(people["caller"]).id
        async with http_client(self.running.sandbox.api_url) as client:
            sent = await client.post("/incoming/file", params={"chat": people["caller"], "type": "image"}, content=PNG)
            self.message_id = sent.json()["serialized"]
        shown = await self.running.ask("chats.get", chat=people["caller"])
        while shown["status"] != "done" or not shown["data"]["last"]:  # it was announced last
            shown = await self.running.ask("chats.get", chat=people["caller"])

    def chat(self, name: str = "friend") -> Chat:
        return self.running.world.directory.chats[self.people[name]]

    def contact(self, name: str) -> Contact:
        found = self.running.world.directory.contact(self.people[name])
        assert found is not None
        return found

    def members(self) -> list[str]:
        return self.running.world.groups.group(self.groups["own"])[0].participants

    def group(self, name: str = "own") -> Group:
        return self.running.world.groups.group(self.groups[name])[1]


Arguments = Callable[[Stage], dict[str, Any]]
Effect = Callable[[Stage], bool]
NOTHING: Arguments = lambda _: {}  # noqa: E731 - a line of the table


def chat(**more: Any) -> Arguments:
    return lambda stage: {"chat": stage.people["friend"], **more}


def contact(name: str = "friend", **more: Any) -> Arguments:
    return lambda stage: {"contact": stage.people[name], **more}


def group(name: str = "own", people: str | None = None, **more: Any) -> Arguments:
    return lambda stage: {
        "group": stage.groups[name],
        **({"people": [stage.people[people]]} if people else {}),
        **more,
    }


#: In the order in which they are asked: later ones may need what earlier ones did.
EXAMPLES: Mapping[str, tuple[Arguments, Effect | None]] = {
    "typing": (lambda stage: {"to": stage.people["friend"], "seconds": 30}, None),
    "chats.list": (lambda _: {"limit": 5}, None),
    "chats.get": (chat(), None),
    "chats.history": (chat(limit=10), None),
    "chats.read": (chat(), lambda stage: stage.chat().read_to > 0),
    "chats.unread": (chat(), lambda stage: stage.chat().marked_unread),
    "chats.pin": (chat(), lambda stage: stage.chat().pinned_ms > 0),
    "chats.mute": (chat(until=1_990_000_000), lambda stage: stage.chat().muted_until == 1_990_000_000),
    "chats.archive": (chat(), lambda stage: stage.chat().archived),
    "media.get": (lambda stage: {"message_id": stage.message_id}, None),
    "messages.search": (lambda _: {"q": "hola", "limit": 5}, None),
    "contacts.list": (lambda _: {"limit": 5, "search": "friend"}, None),
    "contacts.get": (contact(), None),
    "contacts.check": (lambda stage: {"contacts": [stage.people["friend"], "5491155500009"]}, None),
    "contacts.picture": (contact(), None),
    "contacts.subscribe": (contact(seconds=60), lambda stage: stage.running.world.shown_online),
    "contacts.block": (contact("new"), lambda stage: stage.contact("new").blocked),
    "contacts.unblock": (contact("blocked"), lambda stage: not stage.contact("blocked").blocked),
    "profile.get": (NOTHING, None),
    "profile.set": (
        lambda stage: {"name": f"Puerta {stage.number}"},
        lambda stage: stage.running.world.state.profile.name.startswith("Puerta"),
    ),
    "labels.list": (NOTHING, None),
    "labels.set": (chat(labels=["Pagado"]), lambda stage: len(stage.chat().labels) == 1),
    "calls.reject": (
        lambda stage: {"call_id": stage.call_id},
        lambda stage: stage.call_id not in stage.running.world.account.calls,
    ),
    "groups.list": (lambda _: {"limit": 5}, None),
    "groups.get": (group(), None),
    "groups.create": (
        lambda stage: {"subject": f"Nuevo {stage.number}", "people": [stage.people["friend"]]},
        lambda stage: f"Nuevo {stage.number}" in [one.name for one in stage.running.world.state.chats.values()],
    ),
    "groups.update": (
        group(description="Horarios", picture={"data": base64.b64encode(PNG).decode()}),
        lambda stage: (stage.group().description, stage.group().picture is not None) == ("Horarios", True),
    ),
    "groups.add": (group(people="friend"), lambda stage: stage.people["friend"] in stage.members()),
    "groups.promote": (group(people="member"), lambda stage: stage.people["member"] in stage.group().admins),
    "groups.demote": (group(people="member"), lambda stage: stage.people["member"] not in stage.group().admins),
    "groups.remove": (group(people="leaver"), lambda stage: stage.people["leaver"] not in stage.members()),
    "groups.invite": (group(), None),
    "groups.requests": (group(), None),
    "groups.approve": (group(people="guest"), lambda stage: stage.people["guest"] in stage.members()),
    "groups.reject": (group(people="intruder"), lambda stage: not stage.group().requests),
    "groups.revoke_invite": (group(), lambda stage: stage.group().invite != stage.invite),
    "groups.join": (lambda stage: {"invite": stage.group("other").invite}, lambda stage: stage.group("other").member),
    "groups.leave": (group("left"), lambda stage: not stage.group("left").member),
    "limits.get": (NOTHING, None),
    "sends.list": (NOTHING, None),
}
